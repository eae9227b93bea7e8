#include "apply/copy_text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tributary {
namespace {

// Of a byte that stands for itself: 0; of others what follows the backslash.
char escape_of(char byte) {
  switch (byte) {
    case '\\': return '\\';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
  }
}

// Whether one of eight bytes may need an escape: a backslash, or below 0x10. Exact or too careful, never too careless
// (the borrow between bytes can only make it say yes).
bool may_need_escape(const char* bytes) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  const uint64_t backslashes = word ^ kOnes * '\\';
  return (((backslashes - kOnes) & ~backslashes) | ((word - kOnes * 0x10) & ~word)) & kHighs;
}

}  // namespace

void append_copy_value(std::string& out, std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* plain = at;  // what was not appended yet
  while (at != end) {
    if (end - at >= 8 && !may_need_escape(at)) {
      at += 8;
      continue;
    }
    const char* const stop = std::min(at + 8, end);
    for (; at != stop; ++at) {
      const char escape = escape_of(*at);
      if (escape == 0) continue;
      out.append(plain, at);
      out += '\\';
      out += escape;
      plain = at + 1;
    }
  }
  out.append(plain, end);
}

void append_copy_row(std::string& out, RowValues row, size_t columns) {
  for (size_t i = 0; i < columns; ++i) {
    if (i > 0) out += '\t';
    if (row[i].kind == ValueKind::null)
      out += "\\N";
    else
      append_copy_value(out, row[i].text);
  }
  out += '\n';
}

}  // namespace tributary
