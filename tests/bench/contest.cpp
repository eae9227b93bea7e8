#include "bench/contest.h"

#include <algorithm>

#include "bench/vocabulary.h"

namespace tributary::test {
namespace {

constexpr std::chrono::minutes kPatience{10};

TopologyOptions with_needs_of_peers(TopologyOptions topology, const Request& request) {
  topology.has_tls = request.has_peer("native-tls-sync");
  topology.has_pglogical = request.has_peer("pglogical");
  return topology;
}

struct Entry {
  std::string name;
  std::unique_ptr<Way> way;
  std::vector<Figures> rounds;
  std::string fault;
};

class Contest {
 public:
  Contest(const ContestOptions& options, const Request& request, Report& report)
      : options_(options), report_(report), topology_(with_needs_of_peers(options.topology, request)) {
    if (options.prepare) options.prepare(topology_);
    enter("tributary");
    for (const std::string& peer : request.peers) enter(peer);
  }

  void run() {
    for (int round = 1; round <= options_.rounds; ++round) {
      for (Entry& entry : entries_) {
        if (entry.fault.empty()) take_turn(entry, round);
      }
    }
    for (size_t peer = 1; peer < entries_.size(); ++peer) report_.add(compare(entries_.front(), entries_[peer]));
  }

 private:
  void enter(const std::string& name) {
    Entry& entry = entries_.emplace_back();
    entry.name = name;
    try {
      entry.way = make_way(name, topology_);
      std::vector<PublishedTable> tables = options_.tables;
      if (name == "tributary")
        tables.insert(tables.end(), options_.tables_of_tributary.begin(), options_.tables_of_tributary.end());
      entry.way->set_up(tables);
      make_vocabulary(entry.way->sql(kDistrict));
    } catch (const std::exception& error) {
      give_up(entry, error.what());
    }
  }

  void take_turn(Entry& entry, int round) {
    try {
      Way& way = *entry.way;
      way.empty();
      way.resume();
      way.pass_mark(Clock::now() + kPatience);
      const Figures figures = options_.measure(way);
      way.pass_mark(Clock::now() + kPatience);
      const std::string difference = way.difference();
      way.rest();
      if (!difference.empty()) return give_up(entry, "not equal: " + difference);
      entry.rounds.push_back(figures);
      report_.progress(line_of(entry, round));
    } catch (const std::exception& error) {
      give_up(entry, error.what());
    }
  }

  // Its figures would be of no use, and its servers' time is the others'.
  void give_up(Entry& entry, const std::string& fault) {
    entry.fault = fault;
    report_.progress(options_.workload + ", " + entry.name + ": " + fault);
    if (!entry.way) return;
    report_.progress(entry.way->logs());
    try {
      entry.way->rest();
    } catch (const std::exception& error) {
      report_.progress(error.what());
    }
  }

  std::string line_of(const Entry& entry, int round) const {
    std::string line = print("%s, round %d: %-16s", options_.workload.c_str(), round, entry.name.c_str());
    for (const auto& [name, value] : entry.rounds.back()) line += print("  %s %.4g", name.c_str(), value);
    return line;
  }

  Result compare(const Entry& our, const Entry& peer) const {
    Result result{.workload = options_.workload, .peer = peer.name, .tiers = topology_.tiers()};
    result.is_correct = our.fault.empty();
    result.is_peer_correct = peer.fault.empty();
    result.note = options_.note;
    for (const Entry* entry : {&our, &peer}) {
      if (!entry->fault.empty()) result.note += (result.note.empty() ? "" : "; ") + entry->name + ": " + entry->fault;
    }
    const Figures ours = our.fault.empty() ? medians(our.rounds) : Figures{};
    const Figures theirs = peer.fault.empty() ? medians(peer.rounds) : Figures{};
    const auto ratio = [&](const std::string& name) -> std::optional<double> {
      if (name.empty() || ours.empty() || theirs.empty()) return std::nullopt;
      return figure(ours, name) / figure(theirs, name);
    };
    result.throughput_ratio = ratio(options_.speed);
    result.wire_ratio = ratio(options_.wire);
    result.cpu_ratio = ratio(options_.cpu);
    result.figures = {{"rounds", options_.rounds}};
    result.figures.insert(result.figures.end(), ours.begin(), ours.end());
    for (const auto& [name, value] : theirs) result.figures.emplace_back("peer_" + name, value);
    return result;
  }

  const ContestOptions& options_;
  Report& report_;
  Topology topology_;
  std::vector<Entry> entries_;  // tributary first
};

class ContestWorkload : public Workload {
 public:
  ContestWorkload(std::string name, std::string summary, std::function<ContestOptions(const Request&)> options)
      : name_(std::move(name)), summary_(std::move(summary)), options_(std::move(options)) {}

  std::string name() const override { return name_; }
  std::string summary() const override { return summary_; }
  void run(const Request& request, Report& report) override {
    ContestOptions options = options_(request);
    options.workload = name_;
    run_contest(options, request, report);
  }

 private:
  std::string name_;
  std::string summary_;
  std::function<ContestOptions(const Request&)> options_;
};

}  // namespace

double figure(const Figures& figures, const std::string& name) {
  for (const auto& [known, value] : figures) {
    if (known == name) return value;
  }
  return 0;
}

Figures medians(const std::vector<Figures>& rounds) {
  Figures result;
  for (size_t place = 0; !rounds.empty() && place < rounds.front().size(); ++place) {
    std::vector<double> values;
    for (const Figures& round : rounds) values.push_back(round[place].second);
    std::sort(values.begin(), values.end());
    result.emplace_back(rounds.front()[place].first, values[values.size() / 2]);
  }
  return result;
}

void run_contest(const ContestOptions& options, const Request& request, Report& report) {
  Contest(options, request, report).run();
}

std::unique_ptr<Workload> make_contest(std::string name, std::string summary,
                                       std::function<ContestOptions(const Request&)> options) {
  return std::make_unique<ContestWorkload>(std::move(name), std::move(summary), std::move(options));
}

}  // namespace tributary::test
