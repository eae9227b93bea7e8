#include "bench/measurement.h"

#include <algorithm>
#include <functional>

namespace tributary::test {
namespace {

Spread spread(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  const double median = values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {values.front(), median, values.back()};
}

Spread spread(const std::vector<Run>& runs, const std::function<double(const Run&)>& value) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(value(run));
  return spread(std::move(values));
}

double sum(const std::map<std::string, double>& values) {
  double sum = 0;
  for (const auto& [name, value] : values) sum += value;
  return sum;
}

}  // namespace

std::string Runs::fault() const {
  for (const Run& run : runs_) {
    if (!run.fault.empty()) return run.fault;
  }
  return {};
}

Spread Runs::changes_per_second() const {
  return spread(runs_, [this](const Run& run) { return changes_ / run.seconds; });
}

double Runs::wire_bytes() const {
  return spread(runs_, [](const Run& run) { return run.wire_bytes; }).median / changes_;
}

double Runs::processor_microseconds() const {
  return spread(runs_, [](const Run& run) { return sum(run.processor_seconds); }).median * 1e6 / changes_;
}

std::map<std::string, double> Runs::processor_microseconds_by_part() const {
  std::map<std::string, std::vector<double>> seconds;
  for (const Run& run : runs_) {
    for (const auto& [part, used] : run.processor_seconds) seconds[part].push_back(used);
  }
  std::map<std::string, double> medians;
  for (const auto& [part, used] : seconds) medians[part] = spread(used).median * 1e6 / changes_;
  return medians;
}

double Runs::retained_wal_bytes() const {
  return spread(runs_, [](const Run& run) { return static_cast<double>(run.retained_wal_bytes); }).median;
}

double Runs::retained_wal_bytes_most() const {
  return spread(runs_, [](const Run& run) { return static_cast<double>(run.retained_wal_bytes_most); }).median;
}

double Runs::agent_memory_bytes() const {
  return spread(runs_,
                [](const Run& run) {
                  uint64_t most = 0;
                  for (const auto& [agent, bytes] : run.agent_memory_bytes) most = std::max(most, bytes);
                  return static_cast<double>(most);
                })
      .median;
}

void add_ratios(Result& result, const Runs& our, const Runs& peer) {
  result.throughput_ratio = our.changes_per_second().median / peer.changes_per_second().median;
  result.wire_ratio = our.wire_bytes() / peer.wire_bytes();
  // A run may be too short for the kernel's clock.
  if (peer.processor_microseconds() > 0)
    result.cpu_ratio = our.processor_microseconds() / peer.processor_microseconds();
}

void add_figures(Result& result, const std::string& whose, const Runs& runs) {
  const Spread speed = runs.changes_per_second();
  const auto add = [&](const std::string& name, double value) { result.figures.emplace_back(whose + name, value); };
  add("changes_per_second", speed.median);
  add("changes_per_second_least", speed.least);
  add("changes_per_second_most", speed.most);
  add("wire_bytes_per_change", runs.wire_bytes());
  add("cpu_us_per_change", runs.processor_microseconds());
  for (const auto& [part, used] : runs.processor_microseconds_by_part()) {
    std::string name = "cpu_us_" + part;
    std::replace(name.begin(), name.end(), ' ', '_');
    add(name, used);
  }
}

Measurement::Measurement(Way& way) : way_(way), processor_(way.postmasters(), way.parts()) {
  for (int tier = kDistrict; tier < way.topology().top(); ++tier) links_.emplace_back(way.link_end(tier));
}

void Measurement::look() {
  processor_.look(way_.parts());
  for (size_t tier = 0; tier < links_.size(); ++tier) links_[tier].look(way_.link_end(static_cast<int>(tier)));
}

double Measurement::wire_bytes() const {
  double bytes = 0;
  for (const LinkBytes& link : links_) bytes += static_cast<double>(link.bytes());
  return bytes / static_cast<double>(links_.size());
}

}  // namespace tributary::test
