// The benchmark's command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/workload.h"

namespace tributary::test {

struct Options {
  Request request;
  std::vector<std::string> workloads;  // names; empty: all
  Report::Files files;
  bool wants_help = false;
};

// Throws std::invalid_argument with words for the person who typed it.
Options parse_options(const std::vector<std::string>& words, const Workloads& known);
std::string help_text(const Workloads& known);

}  // namespace tributary::test
