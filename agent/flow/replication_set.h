// What a node's stream has been sending: which tables, with which filters and columns. Kept in the queue, so that a
// change is noticed before another row is read.
//
// A filter that changed cannot simply be taken up: the changes between the slot's position and the change were made
// under the old one, and rows that meet only one of the two would be missing or linger. Until there is a refresh, a new
// stream begins. A table that was added brings what changes from now on; one that was removed is no longer sent.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "source/catalogue.h"

namespace tributary {

struct ReplicationSetChange {
  std::vector<std::string> changed;  // "schema.table": another filter, or other columns
  std::vector<TableConfig> added;
};

// `tables` in the order of config.tables.
std::string describe_replication_set(const Config& config, const std::vector<SourceTable>& tables);
// From what was described before to what it is now. Everything is `added` when nothing was described before.
ReplicationSetChange compare_replication_sets(const std::string& before, const Config& config,
                                              const std::vector<SourceTable>& tables);

}  // namespace tributary
