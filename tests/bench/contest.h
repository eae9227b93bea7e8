// Ways between the same servers, each measured in turn while changes flow. (Backlogs are drained by drain.h.)
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/way.h"
#include "bench/workload.h"

namespace tributary::test {

// With their units in their names: {"nation_p99_ms", 12.5}.
using Figures = std::vector<std::pair<std::string, double>>;

double figure(const Figures& figures, const std::string& name);  // 0 where there is none
// The median of each figure by itself. All lists have the same names in the same order.
Figures medians(const std::vector<Figures>& rounds);

struct ContestOptions {
  std::string workload = {};
  TopologyOptions topology;  // of the servers; TLS and pglogical are added as the peers need them
  int rounds = 3;
  std::vector<PublishedTable> tables;
  std::vector<PublishedTable> tables_of_tributary = {};  // more, which the peers cannot publish
  std::function<void(Topology&)> prepare = {};           // what the tables need; database "tributary" is there
  // From the moment that everything flows and all tables are empty.
  std::function<Figures(Way&)> measure = {};
  // Names of the figures whose ratios are told; empty: none.
  std::string speed = {};  // better when larger
  std::string wire = {};
  std::string cpu = {};
  std::string note = {};
};

// Adds a result for each peer that was asked for.
void run_contest(const ContestOptions& options, const Request& request, Report& report);

// A workload that is one contest; `options` need not name it.
std::unique_ptr<Workload> make_contest(std::string name, std::string summary,
                                       std::function<ContestOptions(const Request&)> options);

}  // namespace tributary::test
