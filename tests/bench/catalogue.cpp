#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <limits>

#include "bench/documents.h"
#include "bench/live_workloads.h"
#include "bench/tables.h"
#include "bench/workload.h"

namespace tributary::test {
namespace {

// W2 before W10; those with a name instead of a number last.
int number_of(const std::unique_ptr<Workload>& workload) {
  const std::string name = workload->name();
  return name.front() == 'W' ? std::atoi(name.c_str() + 1) : std::numeric_limits<int>::max();
}

}  // namespace

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
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return number_of(a) < number_of(b); });
  return all;
}

}  // namespace tributary::test
