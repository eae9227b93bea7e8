// What is worth knowing of one table of the replication set, beyond whether it is prepared.
#pragma once

#include "postgres/connection.h"
#include "source/finding.h"
#include "source/preparation.h"

namespace tributary {

// What its facts say. Pure.
void check_table(const PreparedTable& table, Findings& findings);

// Foreign keys by which a change of this table changes tables that are not sent.
Task<> check_cascades(Connection& connection, const PreparedTable& table, const Config& config, Findings& findings);

// Whether any row meets the filter. Gives up after some seconds of looking.
Task<> check_any_row(Connection& connection, const PreparedTable& table, Findings& findings);

}  // namespace tributary
