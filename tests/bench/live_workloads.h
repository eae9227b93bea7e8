// The workloads that measure while changes flow, or while nothing does: W7 to W13.
#pragma once

#include "bench/workload.h"

namespace tributary::test {

Workloads live_workloads();

std::unique_ptr<Workload> latency_workload();           // W7
std::unique_ptr<Workload> fan_in_workload();            // W8
std::unique_ptr<Workload> idle_workload();              // W9
std::unique_ptr<Workload> narrow_link_workload();       // W10
std::unique_ptr<Workload> application_cost_workload();  // W11
std::unique_ptr<Workload> slow_disk_workload();         // W12
std::unique_ptr<Workload> initial_copy_workload();      // W13

// Seconds that a span of `seconds` at full scale lasts: at least one.
double scaled_seconds(const Request& request, double seconds);

}  // namespace tributary::test
