// What the benchmark measures: a workload is one row of the table, run with tributary and with its peers in
// turn. To add one: derive from Workload, and name it in catalogue.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/report.h"

namespace tributary::test {

// What the command line asks for.
struct Request {
  std::vector<std::string> peers = {"native", "native-tls-sync"};
  std::optional<int> tiers;  // none: the workload's own choice
  int rounds = 3;
  double scale = 1;  // of the number of rows

  // `count` rows at full scale, at least one.
  int scaled(int count) const;
  bool has_peer(const std::string& peer) const;
};

class Workload {
 public:
  virtual ~Workload() = default;
  virtual std::string name() const = 0;     // "W1", as on the command line
  virtual std::string summary() const = 0;  // one line for --help
  // Adds a result for each peer and number of tiers. A way that fails, or that is not equal at the end, is a result
  // without figures; what is thrown ends this workload, not the others.
  virtual void run(const Request& request, Report& report) = 0;
};

using Workloads = std::vector<std::unique_ptr<Workload>>;

// All of them, in the order in which they run.
Workloads all_workloads();

}  // namespace tributary::test
