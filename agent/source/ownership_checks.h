// Whether the conditions `owns` of the children work, and say of every row whose it is.
#pragma once

#include <vector>

#include "config/config.h"
#include "postgres/connection.h"
#include "source/finding.h"
#include "source/preparation.h"

namespace tributary {

// `is_prepared`: the role has its grants; without them a condition that it may not read is no news.
Task<> check_ownership(Connection& connection, const ChildConfig& child, const std::vector<ParentTable>& tables,
                       bool is_prepared, Findings& findings);

// Tables that several children write, and one of them without a condition. Pure.
void check_shared_tables(const std::vector<ChildConfig>& children, const std::vector<ParentTable>& tables,
                         Findings& findings);

}  // namespace tributary
