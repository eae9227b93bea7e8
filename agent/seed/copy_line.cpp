#include "seed/copy_line.h"

#include "base/error.h"

namespace tributary {
namespace {

// What COPY TO writes behind a backslash; it writes no octal or hexadecimal numbers.
char unescaped(char letter) {
  switch (letter) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    default: return letter;
  }
}

}  // namespace

std::optional<std::string> copy_value(std::string_view line, size_t place) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  for (; place > 0; --place) {
    const size_t tab = line.find('\t');
    if (tab == std::string_view::npos) throw Error(ErrorKind::protocol, "a row with too few values");
    line.remove_prefix(tab + 1);
  }
  line = line.substr(0, line.find('\t'));
  if (line == "\\N") return std::nullopt;
  std::string text;
  for (size_t i = 0; i < line.size(); ++i)
    text += line[i] == '\\' && i + 1 < line.size() ? unescaped(line[++i]) : line[i];
  return text;
}

}  // namespace tributary
