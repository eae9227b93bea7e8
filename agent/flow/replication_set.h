// What a node's stream has been sending: which tables, with which filters and columns. Kept in the queue, so that a
// change is noticed before another row is read.
//
// A filter that changed cannot simply be taken up: the changes between the slot's position and the change were made
// under the old one, and rows that meet only one of the two would be missing or linger. So a new stream begins, in
// which every table is refreshed. It does too where a table comes back that was taken out, of the configuration or of
// the publication alone: what happened meanwhile is in no stream, and the parent may not know that it was out. So does
// a table with a trouble (SourceTable::trouble), which counts as out until that is mended, and one whose publication
// was altered and put right again. A table that was never there needs no more than its own refresh.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "source/catalogue.h"

namespace tributary {

struct ReplicationSetChange {
  std::vector<std::string> changed;  // "schema.table": another filter, or other columns, or it was out
  std::vector<TableConfig> added;
};

// `tables` in the order of config.tables; `before`: what was described before in the same stream.
std::string describe_replication_set(const Config& config, const std::vector<SourceTable>& tables,
                                     const std::string& before);
// From what was described before to what it is now. Everything is `added` when nothing was described before.
ReplicationSetChange compare_replication_sets(const std::string& before, const Config& config,
                                              const std::vector<SourceTable>& tables);

}  // namespace tributary
