// Which tables [intake] tables means.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tributary {

// Whether the table's full name (base/dotted_name.h) matches one of the patterns, in which '*' stands for any characters and '?' for one; neither
// reaches over the dot between schema and table.
bool matches_any(std::string_view full_name, const std::vector<std::string>& patterns);

}  // namespace tributary
