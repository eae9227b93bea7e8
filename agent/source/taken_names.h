// Names of ours that another table still has: a table that was swapped by renaming keeps its index under the name that
// the table in its place needs now.
#pragma once

#include <vector>

#include "postgres/connection.h"
#include "source/step.h"
#include "source/table_facts.h"
#include "source/table_plan.h"

namespace tributary {

// The statement that gives the other table's index the name it would have had there; nothing when the name is free.
Task<std::vector<Step>> free_index_name(Connection& connection, const TableFacts& table, const TablePlan& plan);

}  // namespace tributary
