// How many bytes a text column can have at most, as a CHECK constraint says it. Pure.
//
// A column without such a bound must not be in an index beside the key: a row of an index has at most 2,704 bytes, and
// the application's INSERT of a longer one would fail (54000).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tributary {

// `definition` as pg_get_constraintdef prints it, of a constraint on this column alone; a domain's says VALUE.
// Recognised: comparisons of length, char_length or octet_length with numbers, joined by AND, and a list of the values
// that are allowed. nullopt: anything else.
std::optional<int64_t> bytes_bound_of_check(const std::string& column, const std::string& definition,
                                            int bytes_per_character);

// The bytes of a row of an index over columns of these sizes at most, with their headers and alignment.
inline constexpr int64_t kIndexRowBytesMax = 2704;
constexpr int64_t index_row_bytes(int64_t before, int64_t column) {
  return before + column + 8;
}

}  // namespace tributary
