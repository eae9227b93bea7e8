// What an administrator should know about a table that is published: what it costs, which later DDL PostgreSQL will
// refuse, and the way around. Pure: from a plan to words.
#pragma once

#include <string>
#include <vector>

#include "source/preparation.h"

namespace tributary {

std::vector<std::string> notes_on(const PreparedTable& table, const std::string& publication);

}  // namespace tributary
