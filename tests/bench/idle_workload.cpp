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
  ProcessorTime processor(way.postmasters(), way.parts());
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  processor.look(way.parts());
  Figures figures;
  double total = 0;
  for (const auto& [part, used] : processor.seconds()) {
    const double percent = 100 * used / seconds;
    figures.emplace_back(figure_name(part) + "_cpu_percent", percent);
    total += percent;
  }
  figures.emplace_back("cpu_percent", total);
  for (const auto& [agent, process] : way.agents())
    figures.emplace_back(figure_name(agent) + "_resident_mib",
                         static_cast<double>(resident_bytes_of(process)) / (1 << 20));
  return figures;
}

}  // namespace

std::unique_ptr<Workload> idle_workload() {
  return make_contest("W9", "nothing to do for a minute: share of a processor, and memory", [](const Request& request) {
    const double seconds = scaled_seconds(request, 60);
    return ContestOptions{.topology = {.tiers = request.tiers.value_or(2)},
                          .rounds = 1,
                          .tables = {document_table()},
                          .measure = [seconds](Way& way) { return measure(way, seconds); },
                          .cpu = "cpu_percent"};
  });
}

}  // namespace tributary::test
