// The status of a node, and of every node below it, as Prometheus reads it: the text of GET /metrics. Made of the
// status alone, whenever it is asked for; nothing is counted here. docs/metrics.md has the same list for people.
#pragma once

#include <status.pb.h>

#include <span>
#include <string>

namespace tributary {

struct MetricDescription {
  const char* name;
  bool is_counter;  // otherwise a gauge
  const char* help;
};
std::span<const MetricDescription> all_metrics();

// Every sample has the label `node`. Of a node, table or child that is named twice only the first is shown, the nearer
// node before the one farther down: a child's report must not spoil the answer for the others.
std::string to_metrics(const status::NodeStatus& node);

}  // namespace tributary
