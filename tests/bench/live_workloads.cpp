#include "bench/live_workloads.h"

#include <algorithm>

namespace tributary::test {

Workloads live_workloads() {
  Workloads workloads;
  for (std::unique_ptr<Workload> (*const make)() :
       {latency_workload, fan_in_workload, idle_workload, narrow_link_workload, application_cost_workload,
        slow_disk_workload, initial_copy_workload})
    workloads.push_back(make());
  return workloads;
}

double scaled_seconds(const Request& request, double seconds) {
  return std::max(1.0, seconds * request.scale);
}

}  // namespace tributary::test
