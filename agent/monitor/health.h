// What the states of the parts mean for the node as a whole. Pure.
#pragma once

#include <status.pb.h>

#include <string>
#include <vector>

namespace tributary {

// From good to bad: ok, unspecified (nothing reported yet), attention, offline (mends itself), held (needs a person).
int severity(status::Health health);
status::Health worse(status::Health a, status::Health b);

// "healthy", "starting", "attention", "offline", "held"
const char* name_of(status::Health health);

// The node's own parts, in flow order; those that the node does not have are left out.
struct PartHealth {
  std::string name;  // "database", "capture", ...
  status::Health health;
  std::string message;
};
std::vector<PartHealth> parts_of(const status::NodeStatus& node);

// The worst of the node's own parts and of its notices; what concerns one child is the child's and does not count.
status::Health health_of_own_parts(const status::NodeStatus& node);

// Why the node is not ready, one line each; empty when it is. Ready: every own part has reported, none is held or
// offline, and no row is known, or has yet to be counted, that matches a row filter and was never copied.
std::vector<std::string> reasons_not_ready(const status::NodeStatus& node);

// "public.document: 1,234 rows that match ... are not copied"; empty when there are none.
std::string rows_not_copied_in_words(const status::Table& table);
inline constexpr char kPercentDone[] = " % done";  // in these words

}  // namespace tributary
