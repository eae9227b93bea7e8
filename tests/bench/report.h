// What a run measured, and how it is told.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace tributary::test {

struct Run {
  double seconds = 0;
  std::map<std::string, double> processor_seconds;  // under the name of each part
  uint64_t wire_bytes = 0;
  bool is_correct = false;
};

struct Measured {
  std::string way;  // "native", "tributary: from the log", "tributary: from the queue"
  std::vector<Run> runs;
};

// A table for people, then one line of JSON for each way of the agents, compared with `native`.
std::string report(const Measured& native, const std::map<std::string, Measured>& workloads, int rows, int row_bytes);
// One run, with the processor time of each part.
std::string line_of(const std::string& way, const Run& run, int rows);

}  // namespace tributary::test
