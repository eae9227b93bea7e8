// The physical limit that a throughput is a share of: COPY BINARY of the same rows, by one connection.
#pragma once

#include <string>

namespace tributary::test {

// Copies the rows of `table` into an empty one with the same primary key and indexes, in one transaction, and drops it.
// The time of reading them does not count.
double copy_rows_per_second(const std::string& conninfo, const std::string& table);

}  // namespace tributary::test
