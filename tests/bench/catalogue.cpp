#include <algorithm>
#include <iterator>

#include "bench/documents.h"
#include "bench/live_workloads.h"
#include "bench/tables.h"
#include "bench/workload.h"

namespace tributary::test {

int Request::scaled(int count) const {
  return std::max(1, static_cast<int>(count * scale));
}

bool Request::has_peer(const std::string& peer) const {
  return std::find(peers.begin(), peers.end(), peer) != peers.end();
}

Workloads all_workloads() {
  Workloads all;
  for (Workloads (*const make)() : {document_workloads, table_workloads, live_workloads}) {
    Workloads some = make();
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace tributary::test
