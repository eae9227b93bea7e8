// W13: the district has its rows before replication begins, and goes on to change them while they are copied.
#include <memory>
#include <thread>

#include "bench/contest.h"
#include "bench/documents.h"
#include "bench/live_updates.h"
#include "bench/live_workloads.h"
#include "bench/measurement.h"
#include "bench/process_facts.h"
#include "bench/vocabulary.h"

namespace tributary::test {
namespace {

using std::chrono::milliseconds;

constexpr int kDocuments = 2'000'000;
constexpr int kUpdatesPerSecond = 200;
constexpr std::chrono::minutes kRunLimit{20};  // of one way, with the writing of its rows
constexpr milliseconds kLookInterval{50};
constexpr milliseconds kCountInterval{250};

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

struct CopyRun {
  Run run;  // until the last tier has every row
  Figures more;
};

// One way, once, from what set_up_for_copy() made.
class InitialCopy {
 public:
  InitialCopy(Way& way, int documents) : way_(way), documents_(documents), top_(way.topology().top()) {}

  CopyRun run() {
    fill();
    Measurement measurement(way_);
    const auto began = Clock::now();
    way_.begin_copy();
    wait_until(
        "the district has its slot", [&] { return has_slot(); }, deadline_);
    LiveUpdates updates(way_.conninfo(kDistrict), way_.conninfo(top_), documents_, kUpdatesPerSecond);
    CopyRun result;
    const auto every_row = watch_copy(measurement);
    result.run.seconds = std::chrono::duration<double>(every_row - began).count();
    result.run.processor_seconds = measurement.processor_seconds();
    result.run.wire_bytes = measurement.wire_bytes();
    for (const auto& [name, process] : way_.agents())
      result.run.agent_memory_bytes[name] = peak_resident_bytes_of(process);

    updates.stop_writing();
    wait_until(
        "the copy is over", [&] { return way_.is_copied(); }, deadline_);
    way_.pass_mark(deadline_);
    const double all_seconds = seconds_since(began);
    const Percentiles latency = updates.milliseconds();
    result.more = {{"seconds", result.run.seconds},
                   {"seconds_with_live_updates", all_seconds},
                   {"live_updates", static_cast<double>(latency.count)},
                   {"live_p50_ms", latency.p50},
                   {"live_p95_ms", latency.p95},
                   {"live_p99_ms", latency.p99},
                   {"live_most_ms", latency.most}};
    result.run.fault = way_.difference();
    way_.rest();
    return result;
  }

 private:
  // Neither autovacuum nor a checkpoint of what is written here shall fall into the copy.
  void fill() {
    insert_documents(way_.sql(kDistrict), 1, documents_, {}, 10'000);
    way_.sql(kDistrict).exec("VACUUM ANALYZE document");
    for (int tier = kDistrict; tier <= top_; ++tier) way_.sql(tier).exec("CHECKPOINT");
    last_keys_ = way_.sql(kDistrict).value(
        "SELECT array_agg(id) FROM ((SELECT id FROM document ORDER BY id DESC LIMIT 50)"
        " UNION (SELECT id FROM document ORDER BY ctid DESC LIMIT 50)) last");
  }

  bool has_slot() {
    way_.expect_alive();
    return way_.sql(kDistrict).number(
               "SELECT count(*) FROM pg_replication_slots"
               " WHERE confirmed_flush_lsn IS NOT NULL AND database = current_database()") > 0;
  }

  // The moment at which every row was there.
  Clock::time_point watch_copy(Measurement& measurement) {
    auto looked = Clock::now();
    for (;;) {
      way_.expect_alive();
      const auto now = Clock::now();
      if (now > deadline_) throw std::runtime_error("not every row arrived within the time limit");
      if (has_last_keys()) {
        measurement.look();
        if (way_.sql(top_).number("SELECT count(*) FROM document") == documents_) return now;
        std::this_thread::sleep_for(kCountInterval);
      }
      if (now - looked > kLookInterval) {
        measurement.look();
        looked = now;
      }
      std::this_thread::sleep_for(milliseconds(10));
    }
  }

  // Those that come last in the order of the keys, and of the table: to count would cost more.
  bool has_last_keys() {
    return way_.sql(top_).value("SELECT count(*) = cardinality($1::uuid[]) FROM document WHERE id = ANY ($1::uuid[])",
                                {last_keys_}) == "t";
  }

  Way& way_;
  const int documents_;
  const int top_;
  std::string last_keys_;
  const Clock::time_point deadline_ = Clock::now() + kRunLimit;
};

struct Entry {
  std::string name;
  Runs runs;
  std::vector<Figures> more = {};
  std::string fault = {};
};

class InitialCopyWorkload : public Workload {
 public:
  std::string name() const override { return "W13"; }
  std::string summary() const override { return "2,000,000 documents copied while 200 a second are changed"; }
  void run(const Request& request, Report& report) override {
    const int documents = request.scaled(kDocuments);
    std::vector<Entry> entries = {{"tributary", Runs(documents)}};
    for (const std::string& peer : request.peers) entries.push_back({peer, Runs(documents)});
    for (int round = 1; round <= request.rounds; ++round) {
      for (Entry& entry : entries) {
        if (entry.fault.empty()) take_turn(entry, request, round, report);
      }
    }
    for (size_t peer = 1; peer < entries.size(); ++peer)
      report.add(compare(entries.front(), entries[peer], request, documents));
  }

 private:
  static int tiers_of(const Request& request) { return request.tiers.value_or(2); }

  // Servers of its own: nothing of an earlier stream is there.
  static void take_turn(Entry& entry, const Request& request, int round, const Report& report) {
    Topology topology({.tiers = tiers_of(request),
                       .has_tls = request.has_peer("native-tls-sync"),
                       .has_pglogical = request.has_peer("pglogical")});
    std::unique_ptr<Way> way;
    try {
      way = make_way(entry.name, topology);
      way->set_up_for_copy({document_table()});
      make_vocabulary(way->sql(kDistrict));
      const CopyRun found = InitialCopy(*way, request.scaled(kDocuments)).run();
      if (!found.run.fault.empty()) throw std::runtime_error("not equal: " + found.run.fault);
      entry.runs.add(found.run);
      entry.more.push_back(found.more);
      report.progress(line_of(entry, found, request, round));
    } catch (const std::exception& error) {
      entry.fault = error.what();
      report.progress("W13, " + entry.name + ": " + entry.fault + (way ? "\n" + way->logs() : ""));
    }
  }

  static std::string line_of(const Entry& entry, const CopyRun& found, const Request& request, int round) {
    Runs alone(request.scaled(kDocuments));
    alone.add(found.run);
    std::string line = print("W13, round %d: %-16s %8.0f/s  %7.1f B  %6.2f us =", round, entry.name.c_str(),
                             alone.changes_per_second().median, alone.wire_bytes(), alone.processor_microseconds());
    for (const auto& [part, used] : alone.processor_microseconds_by_part())
      line += print(" %s %.2f", part.c_str(), used);
    for (const auto& [name, value] : found.more) line += print("  %s %.4g", name.c_str(), value);
    return line;
  }

  Result compare(const Entry& our, const Entry& peer, const Request& request, int documents) const {
    Result result{.workload = name(), .peer = peer.name, .tiers = tiers_of(request)};
    result.is_correct = our.fault.empty();
    result.is_peer_correct = peer.fault.empty();
    result.figures = {{"changes", documents}, {"rounds", request.rounds}};
    if (our.fault.empty() && peer.fault.empty()) add_ratios(result, our.runs, peer.runs);
    for (const Entry* entry : {&our, &peer}) {
      const std::string whose = entry == &our ? "" : "peer_";
      if (!entry->fault.empty()) {
        result.note += (result.note.empty() ? "" : "; ") + entry->name + ": " + entry->fault;
        continue;
      }
      add_figures(result, whose, entry->runs);
      for (const auto& [figure, value] : medians(entry->more)) result.figures.emplace_back(whose + figure, value);
    }
    if (our.fault.empty()) result.figures.emplace_back("agent_memory_bytes", our.runs.agent_memory_bytes());
    if (result.note.empty()) result.note = note_on(our, peer);
    return result;
  }

  static std::string note_on(const Entry& our, const Entry& peer) {
    const Figures ours = medians(our.more), theirs = medians(peer.more);
    return print("live changes p50 %.0f ms, p99 %.0f (peer %.0f, %.0f), largest agent %.0f MiB",
                 figure(ours, "live_p50_ms"), figure(ours, "live_p99_ms"), figure(theirs, "live_p50_ms"),
                 figure(theirs, "live_p99_ms"), our.runs.agent_memory_bytes() / (1 << 20));
  }
};

}  // namespace

std::unique_ptr<Workload> initial_copy_workload() {
  return std::make_unique<InitialCopyWorkload>();
}

}  // namespace tributary::test
