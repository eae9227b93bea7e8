// A backlog drained, from a district to its region: the agents and PostgreSQL's own logical replication between the
// same two servers, in turn. README.md says what is measured.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <thread>

#include "bench/documents.h"
#include "bench/processor_time.h"
#include "bench/report.h"
#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using std::chrono::minutes;
using std::chrono::steady_clock;

constexpr const char* kLastId = "ffffffff-ffff-4fff-bfff-ffffffffffff";

double seconds_since(steady_clock::time_point began) {
  return std::chrono::duration<double>(steady_clock::now() - began).count();
}

void wait_for_last(Sql& region) {
  const auto give_up = steady_clock::now() + minutes(20);
  while (!has_document(region, kLastId)) {
    if (steady_clock::now() > give_up) throw std::runtime_error("the last row does not arrive");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void add_backends(std::vector<Part>& parts, const std::string& name, Sql& sql, const std::string& condition) {
  for (const Row& row :
       sql.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND " + condition))
    parts.push_back({name, static_cast<pid_t>(std::stol(*row[0]))});
}

void wait_until_confirmed(Sql& district, const std::string& slot) {
  const std::string end = district.value("SELECT pg_current_wal_flush_lsn()");
  wait_until(
      slot + " has confirmed the log",
      [&] {
        return district.value("SELECT confirmed_flush_lsn >= $1::pg_lsn FROM pg_replication_slots WHERE slot_name = $2",
                              {end, slot}) == "t";
      },
      minutes(10));
}

// Otherwise the next reader of the slot would begin with what was written before its measurement.
void wait_until_nothing_is_kept(Sql& district, const std::string& slot) {
  const std::string end = district.value("SELECT pg_current_wal_flush_lsn()");
  const auto is_past = [&] {
    district.exec("CHECKPOINT");
    return district.value("SELECT restart_lsn >= $1::pg_lsn FROM pg_replication_slots WHERE slot_name = $2",
                          {end, slot}) == "t";
  };
  wait_until(slot + " keeps nothing", is_past, minutes(2));
}

// Both servers, the agents with their database `app`, and a publication and subscription with theirs, `native`.
class Bench {
 public:
  explicit Bench(int rows) : rows_(rows) {
    const ClusterOptions servers{
        .fsync = true,
        .settings = {{"shared_buffers", "'256MB'"}, {"max_wal_size", "'4GB'"}, {"checkpoint_timeout", "'30min'"}}};
    tree_.add({.name = "region", .cluster = servers});
    tree_.add({.name = "district",
               .parent = "region",
               .tables = {{.name = "public.document", .where = "status = 'approved'"}},
               .cluster = servers});
    tree_.exec_everywhere(kDocumentTable);
    prepare_to_write(district().sql());
    tree_.start();
    stop_agents();
    start_native();
  }

  // The agent of the district was stopped while the rows were written: they come out of the log.
  Run from_the_log() {
    empty_app();
    district().agent().stop();
    write_documents(district().sql(), rows_, kLastId);
    const auto start = [&] {
      const auto began = steady_clock::now();
      district().agent().start();
      return began;
    };
    return measure(app(), start);
  }

  // The link was cut while the rows were written: they come out of the queue.
  Run from_the_queue() {
    empty_app();
    district().link().cut();
    write_documents(district().sql(), rows_, kLastId);
    wait_until_confirmed(district().sql(), "tributary_district");
    LinkProxy& link = district().link();
    const uint64_t connections = link.connections_accepted();
    // The wait before the next attempt to connect is not counted.
    const auto wait_for_connection = [&] {
      link.restore();
      while (link.connections_accepted() == connections) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return steady_clock::now();
    };
    return measure(app(), wait_for_connection);
  }

  // The subscription was disabled while the rows were written.
  Run natively() {
    Sql& district = *native_district_;
    Sql& region = *native_region_;
    region.exec("TRUNCATE document");
    district.exec("TRUNCATE document");
    region.exec("ALTER SUBSCRIPTION region ENABLE");
    wait_until_nothing_is_kept(district, "region");
    region.exec("ALTER SUBSCRIPTION region DISABLE");
    wait_until("the subscription rests",
               [&] { return district.number("SELECT count(*) FROM pg_replication_slots WHERE active") == 0; });
    write_documents(district, rows_, kLastId);
    const auto enable = [&] {
      const auto began = steady_clock::now();
      region.exec("ALTER SUBSCRIPTION region ENABLE");
      return began;
    };
    const Run run = measure(native(), enable);
    region.exec("ALTER SUBSCRIPTION region DISABLE");
    return run;
  }

  std::string logs() const { return tree_.logs(); }
  int row_bytes() { return average_row_bytes(*native_district_); }

 private:
  struct Peer {
    Sql& district;
    Sql& region;
    LinkProxy& link;
    std::function<std::vector<Part>()> parts;
  };

  Node& district() { return tree_["district"]; }
  Node& region() { return tree_["region"]; }

  Peer app() {
    const auto parts = [this] {
      const std::string is_ours = "application_name LIKE 'tributary%'";
      std::vector<Part> found;
      add_backends(found, "walsender", district().sql(), is_ours);
      if (district().agent().is_running()) found.push_back({"district's agent", district().agent().pid()});
      if (region().agent().is_running()) found.push_back({"region's agent", region().agent().pid()});
      add_backends(found, "writing at the region", region().sql(), is_ours);
      return found;
    };
    return {district().sql(), region().sql(), district().link(), parts};
  }
  Peer native() {
    const auto parts = [this] {
      std::vector<Part> found;
      add_backends(found, "walsender", *native_district_, "backend_type = 'walsender'");
      add_backends(found, "writing at the region", *native_region_, "backend_type = 'logical replication worker'");
      return found;
    };
    return {*native_district_, *native_region_, *native_link_, parts};
  }

  void stop_agents() {
    for (Node* node : {&district(), &region()})
      if (node->agent().is_running()) node->agent().stop();
  }

  // Starts the agents and lets them see that everything is empty.
  void empty_app() {
    region().sql().exec("TRUNCATE document");
    district().sql().exec("TRUNCATE document");
    district().link().restore();
    for (Node* node : {&region(), &district()})
      if (!node->agent().is_running()) node->agent().start();
    district().wait_until_streaming();
    wait_until_nothing_is_kept(district().sql(), "tributary_district");
    wait_until("the queue is empty", [&] { return district().agent().status().queue().batches() == 0; });
  }

  void start_native() {
    for (Node* node : {&district(), &region()}) node->cluster().create_database("native");
    native_district_ = std::make_unique<Sql>(district().cluster().conninfo("native"));
    native_region_ = std::make_unique<Sql>(region().cluster().conninfo("native"));
    native_link_ = std::make_unique<LinkProxy>(district().cluster().port());
    for (Sql* sql : {native_district_.get(), native_region_.get()}) sql->exec(kDocumentTable);
    prepare_to_write(*native_district_);
    native_district_->exec(
        "CREATE UNIQUE INDEX document_identity ON document (id, status);"
        "ALTER TABLE document REPLICA IDENTITY USING INDEX document_identity;"
        "CREATE PUBLICATION approved FOR TABLE document WHERE (status = 'approved')");
    native_region_->exec(
        "CREATE SUBSCRIPTION region CONNECTION 'host=127.0.0.1 port=" + std::to_string(native_link_->port()) +
        " dbname=native user=postgres' PUBLICATION approved WITH (copy_data = false, enabled = false)");
  }

  // From the moment that `start` returns until the last row is at the region.
  Run measure(Peer peer, const std::function<steady_clock::time_point()>& start) {
    for (Node* node : {&district(), &region()}) node->sql().exec("CHECKPOINT");
    const uint64_t bytes = peer.link.bytes_to_parent() + peer.link.bytes_to_child();
    const ProcessorTime processor(peer.parts());
    Run run;
    const auto began = start();
    wait_for_last(peer.region);
    run.seconds = seconds_since(began);
    run.processor_seconds = processor.used_by(peer.parts());
    run.wire_bytes = peer.link.bytes_to_parent() + peer.link.bytes_to_child() - bytes;
    run.is_correct = digest(peer.district) == digest(peer.region);
    stop_agents();
    return run;
  }

  int rows_;
  Hierarchy tree_;
  std::unique_ptr<Sql> native_district_;
  std::unique_ptr<Sql> native_region_;
  std::unique_ptr<LinkProxy> native_link_;
};

void run_rounds(Bench& bench, int rows, int rounds) {
  Measured native{"native", {}};
  std::map<std::string, Measured> workloads = {{"drain-from-log", {"tributary, from the log", {}}},
                                               {"drain-from-queue", {"tributary, from the queue", {}}}};
  for (int round = 1; round <= rounds; ++round) {
    const auto take = [&](Measured& measured, Run run) {
      measured.runs.push_back(run);
      std::fprintf(stderr, "round %d: %s", round, line_of(measured.way, run, rows).c_str());
    };
    take(native, bench.natively());
    take(workloads["drain-from-log"], bench.from_the_log());
    take(workloads["drain-from-queue"], bench.from_the_queue());
  }
  std::printf("%s", report(native, workloads, rows, bench.row_bytes()).c_str());
}

void run_bench(int rows, int rounds) {
  Bench bench(rows);
  try {
    run_rounds(bench, rows, rounds);
  } catch (const std::exception&) {
    std::fprintf(stderr, "%s\n", bench.logs().c_str());
    throw;
  }
}

}  // namespace
}  // namespace tributary::test

int main(int argc, char** argv) {
  int rows = 500'000, rounds = 3;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--rows") rows = std::atoi(argv[i + 1]);
    if (option == "--rounds") rounds = std::atoi(argv[i + 1]);
  }
  if (argc % 2 == 0 || rows < 1 || rounds < 1) {
    std::fprintf(stderr, "usage: run.sh [--rows 500000] [--rounds 3]\n");
    return 2;
  }
  try {
    tributary::test::run_bench(rows, rounds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
