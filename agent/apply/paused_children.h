// The children whose streams a person has paused at this node: tributary.paused.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "postgres/connection.h"

namespace tributary {

// Since when; Unix time in milliseconds. None where the database was prepared by a version that had no pauses.
Task<std::map<std::string, int64_t>> read_paused(Connection& connection);
// Return when it is committed; the first does nothing where the child is paused already. Throw Error(setup) when the
// database was not prepared.
Task<> store_paused(Connection& connection, std::string child);
Task<> remove_paused(Connection& connection, std::string child);

}  // namespace tributary
