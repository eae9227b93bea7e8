// One value of a line in the text format of COPY: https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.2
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tributary {

// nullopt: NULL. Throws Error(protocol) when the line has no such place.
std::optional<std::string> copy_value(std::string_view line, size_t place);

}  // namespace tributary
