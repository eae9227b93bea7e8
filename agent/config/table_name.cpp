#include "config/table_name.h"

#include <cctype>
#include <vector>

#include "base/error.h"

namespace tributary {
namespace {

constexpr size_t kNameBytesMax = 63;  // PostgreSQL's NAMEDATALEN - 1

[[noreturn]] void fail(std::string_view text, const std::string& reason) {
  throw Error(ErrorKind::config, "'" + std::string(text) + "' is not a table's name: " + reason);
}

bool is_plain(char c, bool wildcards) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) || c == '_' || c == '$' || byte >= 0x80 || (wildcards && (c == '*' || c == '?'));
}

std::string take_quoted(std::string_view text, size_t& at) {
  std::string part;
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') {
      ++at;
      if (at == text.size() || text[at] != '"') return part;
    }
    part.push_back(text[at]);
  }
  fail(text, "a quote is not closed");
}

std::string take_plain(std::string_view text, size_t& at, bool wildcards) {
  std::string part;
  for (; at < text.size() && text[at] != '.'; ++at) {
    if (!is_plain(text[at], wildcards)) fail(text, "quote the part that holds '" + std::string(1, text[at]) + "'");
    if (std::isupper(static_cast<unsigned char>(text[at])))
      fail(text, "put double quotes around the part with capital letters, or write it in small ones");
    part.push_back(text[at]);
  }
  return part;
}

TableName parse(std::string_view text, bool wildcards) {
  std::vector<std::string> parts;
  size_t at = 0;
  for (;;) {
    const bool quoted = at < text.size() && text[at] == '"';
    parts.push_back(quoted ? take_quoted(text, at) : take_plain(text, at, wildcards));
    if (parts.back().empty()) fail(text, "a part is empty");
    if (parts.back().size() > kNameBytesMax) fail(text, "a part has more than 63 bytes");
    if (at == text.size()) break;
    if (text[at] != '.') fail(text, "a dot must follow the closing quote");
    ++at;
  }
  if (parts.size() > 2) fail(text, "write schema.table, or quote the part that holds a dot");
  if (parts.size() == 2) return {parts[0], parts[1]};
  return {parts[0] == "*" ? "*" : "public", parts[0]};
}

}  // namespace

TableName parse_table_name(std::string_view text) {
  return parse(text, false);
}
TableName parse_table_pattern(std::string_view text) {
  return parse(text, true);
}

}  // namespace tributary
