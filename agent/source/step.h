// One statement of the preparation of a database, and why it is needed. `init` executes steps in their order; `check`
// names those that are still to be done.
#pragma once

#include <string>
#include <vector>

namespace tributary {

struct Step {
  std::string statement;  // one or more statements for psql, without the last semicolon
  std::string why;
  bool is_needed = true;  // false: the node works without it
};

// All of them in one transaction, with the first one's reason. `steps` is not empty.
Step in_one_transaction(const std::vector<Step>& steps);

// "a", "b": names quoted for SQL and joined.
std::string name_list(const std::vector<std::string>& names);

// `name` if PostgreSQL keeps it whole (63 bytes), else its beginning and a hash of all of it.
std::string bounded_name(const std::string& name);

}  // namespace tributary
