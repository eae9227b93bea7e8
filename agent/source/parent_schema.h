// The statements that make, in a parent's database, the tables that this node sends: columns, types, NOT NULL and
// primary key, with the schemas, enums, domains and extensions that they need. No defaults, foreign keys or triggers:
// those were the child's. Read from the child's catalogue; harmless where a schema or an extension is there already.
#pragma once

#include <string>

#include "config/config.h"
#include "postgres/connection.h"

namespace tributary {

// For psql at the parent. Throws Error(setup) for a table or a column that is not there.
Task<std::string> parent_schema(Connection& connection, const Config& config);

}  // namespace tributary
