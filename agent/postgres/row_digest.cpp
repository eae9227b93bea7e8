#include "postgres/row_digest.h"

namespace tributary {

std::string row_md5(const std::vector<std::string>& columns, bool is_utf8) {
  constexpr size_t kColumnsAtOnce = 90;  // a function takes a hundred arguments
  std::string text;
  for (size_t begin = 0; begin < columns.size(); begin += kColumnsAtOnce) {
    std::string pattern, values;
    for (size_t i = begin; i < columns.size() && i < begin + kColumnsAtOnce; ++i) {
      pattern += "%L,";
      values += ", " + columns[i];
    }
    text += (text.empty() ? "" : " || ") + std::string("format('") + pattern + "'" + values + ")";
  }
  return is_utf8 ? "md5(" + text + ")" : "md5(convert_to(" + text + ", 'UTF8'))";
}

}  // namespace tributary
