#include "bench/contest.h"
#include "bench/documents.h"
#include "bench/latency.h"
#include "bench/live_workloads.h"
#include "bench/process_facts.h"

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
  const std::vector<Part> parts = way.parts();
  const auto before = processor_seconds_of(parts);
  const LatencyOptions options{.seconds = seconds};
  const LatencyFigures latency = measure_latency(way.conninfo(kDistrict), tiers, options);
  double processor_seconds = 0;
  for (const auto& [part, used] : processor_seconds_of(parts)) processor_seconds += used - before.at(part);
  Figures figures;
  for (const LatencyTier& tier : tiers) add_percentiles(figures, tier.name, latency.milliseconds.at(tier.name));
  add_percentiles(figures, "commit", latency.commit_milliseconds);
  figures.emplace_back("transactions_per_second", latency.transactions_per_second);
  figures.emplace_back("cpu_us_per_transaction",
                       processor_seconds * 1e6 / static_cast<double>(latency.commit_milliseconds.count));
  return figures;
}

class LatencyWorkload : public Workload {
 public:
  std::string name() const override { return "W7"; }
  std::string summary() const override { return "200 single-row transactions a second: from COMMIT until visible"; }
  void run(const Request& request, Report& report) override {
    run_contest({.workload = name(),
                 .topology = {.tiers = request.tiers.value_or(3)},
                 .rounds = request.rounds,
                 .tables = {document_table()},
                 .measure = [&](Way& way) { return measure(way, scaled_seconds(request, 20)); },
                 .cpu = "cpu_us_per_transaction",
                 .note = "latencies are upper bounds, by at most 0.2 ms or a sixteenth"},
                request, report);
  }
};

}  // namespace

std::unique_ptr<Workload> latency_workload() {
  return std::make_unique<LatencyWorkload>();
}

}  // namespace tributary::test
