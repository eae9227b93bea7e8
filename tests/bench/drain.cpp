#include "bench/drain.h"

#include <algorithm>
#include <map>
#include <thread>

#include "bench/copy_limit.h"
#include "bench/measurement.h"
#include "bench/process_facts.h"
#include "bench/retained_wal.h"
#include "bench/vocabulary.h"

namespace tributary::test {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::minutes kRunLimit{5};  // of one way, with the writing of its backlog
constexpr milliseconds kLookInterval{100};

const char* backlog_name(Backlog backlog) {
  return backlog == Backlog::kLog ? "log" : "queue";
}

// One way in one round, from empty tables to the comparison.
class DrainRun {
 public:
  DrainRun(const DrainOptions& options, const Request& request, Way& way, Backlog backlog)
      : options_(options), request_(request), way_(way), backlog_(backlog) {}

  Run run() {
    bring_to_the_start();
    Run run;
    write_backlog(run);
    deliver(run);
    run.fault = way_.difference();
    way_.rest();
    return run;
  }

 private:
  void bring_to_the_start() {
    way_.empty();
    way_.resume();
    if (options_.prepare) options_.prepare(way_.sql(kDistrict), request_);
    way_.pass_mark(deadline_);
    way_.hold(backlog_, deadline_);
  }

  void write_backlog(Run& run) {
    RetainedWal retained(way_);
    options_.write(way_.sql(kDistrict), request_);
    way_.write_mark();
    way_.settle(deadline_);
    run.retained_wal_bytes_most = retained.stop();
    run.retained_wal_bytes = way_.retained_wal_bytes(way_.sql(kDistrict));
  }

  void deliver(Run& run) {
    for (int tier = kDistrict; tier <= way_.topology().top(); ++tier) way_.sql(tier).exec("CHECKPOINT");
    Measurement measurement(way_);
    const auto began = way_.release(deadline_);
    auto looked = began;
    while (!way_.has_mark(way_.topology().top())) {
      way_.expect_alive();
      if (Clock::now() > deadline_) throw std::runtime_error("not everything arrived within the time limit");
      if (Clock::now() - looked > kLookInterval) {
        measurement.look();
        looked = Clock::now();
      }
      std::this_thread::sleep_for(milliseconds(5));
    }
    run.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    measurement.look();
    run.processor_seconds = measurement.processor_seconds();
    run.wire_bytes = measurement.wire_bytes();
    for (const auto& [name, process] : way_.agents()) run.agent_memory_bytes[name] = peak_resident_bytes_of(process);
  }

  const DrainOptions& options_;
  const Request& request_;
  Way& way_;
  const Backlog backlog_;
  const Clock::time_point deadline_ = Clock::now() + kRunLimit;
};

// A way with its runs; without a way, only the reason why.
struct Entry {
  std::string name;
  Backlog backlog = Backlog::kLog;
  std::shared_ptr<Way> way = {};
  Runs runs;
  std::string fault = {};
};

// All ways through all rounds, between the same servers.
class DrainMatch {
 public:
  DrainMatch(const DrainOptions& options, const Request& request, int tiers, Report& report)
      : options_(options),
        request_(request),
        report_(report),
        changes_(options.changes(request)),
        topology_({.tiers = tiers,
                   .has_tls = request.has_peer("native-tls-sync"),
                   .has_pglogical = request.has_peer("pglogical")}) {
    add_entries();
  }

  void run() {
    for (int round = 1; round <= request_.rounds; ++round) {
      for (Entry* entry : turns()) {
        if (entry->fault.empty()) take_turn(*entry, round);
      }
    }
    for (const Entry& our : ours_) {
      for (const Entry& peer : peers_) report_.add(compare(our, peer));
    }
  }

 private:
  void add_entries() {
    Entry tributary = make_entry("tributary");
    for (const Backlog backlog : options_.backlogs) {
      tributary.backlog = backlog;
      ours_.push_back(tributary);
    }
    for (const std::string& peer : request_.peers) {
      if (options_.only_against_native && peer != "native") continue;
      peers_.push_back(make_entry(peer));
      if (options_.also_with_full_identity && peer != "pglogical") peers_.push_back(make_entry(peer + "-full"));
    }
  }

  Entry make_entry(const std::string& name) {
    Entry entry{.name = name, .runs = Runs(changes_)};
    try {
      entry.way = make_way(name, topology_);
      entry.way->set_up(options_.tables);
      make_vocabulary(entry.way->sql(kDistrict));
    } catch (const std::exception& error) {
      give_up(entry, error.what());
    }
    return entry;
  }

  std::vector<Entry*> turns() {
    std::vector<Entry*> turns;
    for (Entry& entry : ours_) turns.push_back(&entry);
    for (Entry& entry : peers_) turns.push_back(&entry);
    return turns;
  }

  void take_turn(Entry& entry, int round) {
    try {
      const Run run = DrainRun(options_, request_, *entry.way, entry.backlog).run();
      if (!run.fault.empty()) return give_up(entry, "not equal: " + run.fault);
      entry.runs.add(run);
      report_.progress(line_of(entry, run, round));
      if (options_.has_copy_limit && entry.name == "tributary" && entry.backlog == Backlog::kLog)
        copy_rows_per_second_.push_back(copy_rows_per_second(entry.way->conninfo(kRegion), "document"));
    } catch (const std::exception& error) {
      give_up(entry, error.what());
    }
  }

  // Its figures would be of no use, and its servers' time is the others'.
  void give_up(Entry& entry, const std::string& fault) {
    entry.fault = fault;
    report_.progress(options_.name + ", " + entry.name + ": " + fault);
    if (!entry.way) return;
    if (const std::string logs = entry.way->logs(); !logs.empty()) report_.progress(logs);
    try {
      entry.way->rest();
    } catch (const std::exception& error) {
      report_.progress(error.what());
    }
  }

  std::string line_of(const Entry& entry, const Run& run, int round) const {
    Runs alone(changes_);
    alone.add(run);
    std::string line = print("%s, %d tiers, round %d: %-16s %8.0f/s  %7.1f B  %6.2f us =", options_.name.c_str(),
                             topology_.tiers(), round, full_name(entry).c_str(), alone.changes_per_second().median,
                             alone.wire_bytes(), alone.processor_microseconds());
    for (const auto& [part, used] : alone.processor_microseconds_by_part())
      line += print(" %s %.2f", part.c_str(), used);
    return line;
  }

  std::string full_name(const Entry& entry) const {
    return entry.backlog == Backlog::kLog ? entry.name : entry.name + "-queue";
  }

  Result compare(const Entry& our, const Entry& peer) const {
    Result result{.workload = options_.name, .peer = peer.name, .tiers = topology_.tiers()};
    if (options_.backlogs.size() > 1 || our.backlog == Backlog::kQueue) result.backlog = backlog_name(our.backlog);
    result.is_correct = our.fault.empty();
    result.is_peer_correct = peer.fault.empty();
    result.note = note_on(our, peer);
    result.figures = {{"changes", static_cast<double>(changes_)}, {"rounds", request_.rounds}};
    if (our.fault.empty() && peer.fault.empty()) add_ratios(result, our.runs, peer.runs);
    if (our.fault.empty()) add_all_figures(result, "", our.runs);
    if (peer.fault.empty()) add_all_figures(result, "peer_", peer.runs);
    if (our.fault.empty()) result.figures.emplace_back("agent_memory_bytes", our.runs.agent_memory_bytes());
    add_copy_limit(result, our);
    return result;
  }

  // What the table says beside the ratios.
  static std::string note_on(const Entry& our, const Entry& peer) {
    std::string note;
    if (!our.fault.empty()) note = "tributary: " + our.fault;
    if (!peer.fault.empty()) note += (note.empty() ? "" : "; ") + peer.name + ": " + peer.fault;
    if (!note.empty()) return note;
    constexpr double kMebibyte = 1 << 20;
    note = print("largest agent %.0f MiB", our.runs.agent_memory_bytes() / kMebibyte);
    if (our.backlog == Backlog::kQueue)
      note += print(", log kept %.0f MiB, at most %.0f (peer %.0f)", our.runs.retained_wal_bytes() / kMebibyte,
                    our.runs.retained_wal_bytes_most() / kMebibyte, peer.runs.retained_wal_bytes() / kMebibyte);
    return note;
  }

  static void add_all_figures(Result& result, const std::string& whose, const Runs& runs) {
    add_figures(result, whose, runs);
    result.figures.emplace_back(whose + "retained_wal_bytes", runs.retained_wal_bytes());
    result.figures.emplace_back(whose + "retained_wal_bytes_most", runs.retained_wal_bytes_most());
  }

  void add_copy_limit(Result& result, const Entry& our) const {
    if (copy_rows_per_second_.empty() || !our.fault.empty()) return;
    std::vector<double> speeds = copy_rows_per_second_;
    std::sort(speeds.begin(), speeds.end());
    const double limit = speeds[speeds.size() / 2];
    result.figures.emplace_back("copy_rows_per_second", limit);
    result.figures.emplace_back("share_of_copy", our.runs.changes_per_second().median / limit);
  }

  const DrainOptions& options_;
  const Request& request_;
  Report& report_;
  const int64_t changes_;
  Topology topology_;
  std::vector<Entry> ours_;
  std::vector<Entry> peers_;
  std::vector<double> copy_rows_per_second_;
};

class Drain : public Workload {
 public:
  explicit Drain(DrainOptions options) : options_(std::move(options)) {}

  std::string name() const override { return options_.name; }
  std::string summary() const override { return options_.summary; }
  void run(const Request& request, Report& report) override {
    const std::vector<int> tiers = request.tiers ? std::vector{*request.tiers} : options_.tiers;
    for (const int count : tiers) DrainMatch(options_, request, count, report).run();
  }

 private:
  DrainOptions options_;
};

}  // namespace

Count scaled(int count) {
  return [count](const Request& request) { return request.scaled(count); };
}

void in_transactions(Sql& district, int first, int last, int per_transaction, const std::string& sql, const Row& more) {
  for (int begin = first; begin <= last; begin += per_transaction) {
    Row params = {std::to_string(begin), std::to_string(std::min(last, begin + per_transaction - 1))};
    params.insert(params.end(), more.begin(), more.end());
    district.exec(sql, params);
  }
}

Workloads make_drains(std::initializer_list<DrainOptions> all) {
  Workloads workloads;
  for (const DrainOptions& options : all) workloads.push_back(std::make_unique<Drain>(options));
  return workloads;
}

}  // namespace tributary::test
