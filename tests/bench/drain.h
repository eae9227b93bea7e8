// The workloads that drain a backlog: changes are written while nothing is delivered, and timed from "start" until the
// last tier has them all.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "bench/way.h"
#include "bench/workload.h"

namespace tributary::test {

using Write = std::function<void(Sql& district, const Request& request)>;
using Count = std::function<int64_t(const Request&)>;

struct DrainOptions {
  std::string name;
  std::string summary;
  std::vector<int> tiers = {2};
  std::vector<Backlog> backlogs = {Backlog::kLog};
  std::vector<PublishedTable> tables = {};
  Write prepare = {};  // what is everywhere before the backlog begins
  Write write = {};    // the backlog
  Count changes = {};  // how many of its changes are published

  bool also_with_full_identity = false;  // native is measured with REPLICA IDENTITY FULL as well
  bool only_against_native = false;
  bool has_copy_limit = false;  // compared with COPY of table `document` as well
};

// So many at full scale.
Count scaled(int count);
// `sql` with the numbers `first` to `last`, so many a transaction: its first and its last one as $1 and $2, and `more`.
void in_transactions(Sql& district, int first, int last, int per_transaction, const std::string& sql,
                     const Row& more = {});

Workloads make_drains(std::initializer_list<DrainOptions> all);

}  // namespace tributary::test
