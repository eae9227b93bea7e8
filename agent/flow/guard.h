// Watches, while capture runs, that PostgreSQL still publishes what the stream was begun with.
//
//   catalogue ─read_replication_set─▶ Guard ─differs─▶ this run of capture ends; the next one decides (begin_stream.h)
//
// Capture asks at every announcement of a table, before a row behind it is stored; what nothing announces, a table that
// left the publication above all, the guard finds by looking now and then. A table with a trouble is held: capture
// leaves its changes out, the notice says what mends it, and everything else goes on. That it was out stands in the
// queue, so when it is mended a new stream begins, in which it is compared. Drafts are kept in by another rule: every
// row's own values must meet the filter (source/filter_memo.h), whatever is published.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/task.h"
#include "config/config.h"
#include "monitor/status_board.h"
#include "source/catalogue.h"

namespace tributary {

class Guard {
 public:
  // `replication_set`: as the stream's record describes it (flow/replication_set.h). Shows which tables are held.
  Guard(const Config& config, StatusBoard& board, std::string replication_set, const std::vector<SourceTable>& tables);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // Throws Error(resource), which ends this run of capture, when `tables` are not what the stream was begun with.
  void compare(const std::vector<SourceTable>& tables);

  // "schema.table"; nothing of them is captured or refreshed.
  const std::set<std::string>& held() const { return held_; }

  // Looks now and then. Throws as `compare` does, and Error(setup) when the publication as a whole is not right.
  Task<> run();

 private:
  void show(const std::vector<SourceTable>& tables);

  const Config& config_;
  StatusBoard& board_;
  const std::string replication_set_;
  std::set<std::string> held_;
};

}  // namespace tributary
