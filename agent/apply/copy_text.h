// Rows in the text format of COPY: https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.2. A value is the
// text that the child's PostgreSQL sent, with a backslash before what the format gives a meaning.
#pragma once

#include <string>
#include <string_view>

#include "apply/net_changes.h"

namespace tributary {

void append_copy_value(std::string& out, std::string_view text);

// One line. The row is a whole one: no value of it is "unchanged".
void append_copy_row(std::string& out, RowValues row, size_t columns);

}  // namespace tributary
