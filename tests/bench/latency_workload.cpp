#include "bench/contest.h"
#include "bench/documents.h"
#include "bench/latency.h"
#include "bench/live_workloads.h"

namespace tributary::test {
namespace {

void add_percentiles(Figures& figures, const std::string& name, const Percentiles& milliseconds) {
  figures.emplace_back(name + "_p50_ms", milliseconds.p50);
  figures.emplace_back(name + "_p95_ms", milliseconds.p95);
  figures.emplace_back(name + "_p99_ms", milliseconds.p99);
}

Figures measure(Way& way, double seconds) {
  std::vector<LatencyTier> tiers;
  for (int tier = kRegion; tier <= way.topology().top(); ++tier) tiers.push_back({tier_name(tier), way.conninfo(tier)});
  ProcessorTime processor(way.postmasters(), way.parts());
  const LatencyOptions options{.seconds = seconds};
  const LatencyFigures latency = measure_latency(way.conninfo(kDistrict), tiers, options);
  processor.look(way.parts());
  double processor_seconds = 0;
  for (const auto& [part, used] : processor.seconds()) processor_seconds += used;
  Figures figures;
  for (const LatencyTier& tier : tiers) add_percentiles(figures, tier.name, latency.milliseconds.at(tier.name));
  add_percentiles(figures, "commit", latency.commit_milliseconds);
  figures.emplace_back("transactions_per_second", latency.transactions_per_second);
  figures.emplace_back("cpu_us_per_transaction",
                       processor_seconds * 1e6 / static_cast<double>(latency.commit_milliseconds.count));
  return figures;
}

}  // namespace

std::unique_ptr<Workload> latency_workload() {
  return make_contest("W7", "200 single-row transactions a second: from COMMIT until visible",
                      [](const Request& request) {
                        const double seconds = scaled_seconds(request, 20);
                        return ContestOptions{.topology = {.tiers = request.tiers.value_or(3)},
                                              .rounds = request.rounds,
                                              .tables = {document_table()},
                                              .measure = [seconds](Way& way) { return measure(way, seconds); },
                                              .cpu = "cpu_us_per_transaction",
                                              .note = "latencies are upper bounds, by at most 0.2 ms or a sixteenth"};
                      });
}

}  // namespace tributary::test
