#include <algorithm>
#include <thread>

#include "bench/contest.h"
#include "bench/documents.h"
#include "bench/live_workloads.h"
#include "bench/process_facts.h"

namespace tributary::test {
namespace {

constexpr std::chrono::seconds kCalm{5};  // until what starting caused is over

std::string figure_name(std::string part) {
  std::replace(part.begin(), part.end(), ' ', '_');
  return part;
}

Figures measure(Way& way, double seconds) {
  std::this_thread::sleep_for(kCalm);
  const std::vector<Part> parts = way.parts();
  const auto before = processor_seconds_of(parts);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  Figures figures;
  double total = 0;
  for (const auto& [part, used] : processor_seconds_of(parts)) {
    const double percent = 100 * (used - before.at(part)) / seconds;
    figures.emplace_back(figure_name(part) + "_cpu_percent", percent);
    total += percent;
  }
  figures.emplace_back("cpu_percent", total);
  for (const auto& [agent, process] : way.agents())
    figures.emplace_back(figure_name(agent) + "_resident_mib",
                         static_cast<double>(resident_bytes_of(process)) / (1 << 20));
  return figures;
}

class IdleWorkload : public Workload {
 public:
  std::string name() const override { return "W9"; }
  std::string summary() const override { return "nothing to do for a minute: share of a processor, and memory"; }
  void run(const Request& request, Report& report) override {
    run_contest({.workload = name(),
                 .topology = {.tiers = request.tiers.value_or(2)},
                 .rounds = 1,
                 .tables = {document_table()},
                 .measure = [&](Way& way) { return measure(way, scaled_seconds(request, 60)); },
                 .cpu = "cpu_percent"},
                request, report);
  }
};

}  // namespace

std::unique_ptr<Workload> idle_workload() {
  return std::make_unique<IdleWorkload>();
}

}  // namespace tributary::test
