// A row's hash as SQL, the same at a child and at its parent: the MD5 of its values' texts in wire order, as UTF-8,
// each quoted as a literal, which marks nulls and where a value ends. Sessions pin what these texts look like
// (session_settings.h).
#pragma once

#include <string>
#include <vector>

namespace tributary {

// `columns`: expressions. The result has type text: 32 hexadecimal digits.
std::string row_md5(const std::vector<std::string>& columns, bool is_utf8);

}  // namespace tributary
