// Errors of the server turned into Error: the kind by SQLSTATE, and a message without row contents.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

struct pg_result;

namespace tributary {

// From a failed result. Primary messages of classes that quote values (22, 23, P0, XX and whatever is not known to be
// harmless) are replaced by the condition's name and the names of the constraint, table and column.
Error server_error(const pg_result* result);

// From the text that libpq gives for a connection that could not be made.
Error connect_error(std::string_view libpq_message);

// "unique_violation" for "23505"; the code itself when it is not one of the common ones.
std::string condition_name(std::string_view sqlstate);

std::string first_line(std::string_view text);

}  // namespace tributary
