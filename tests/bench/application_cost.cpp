// W11: what replication costs the application that writes.
#include <random>

#include "bench/contest.h"
#include "bench/documents.h"
#include "bench/live_workloads.h"
#include "bench/percentiles.h"
#include "bench/process_facts.h"
#include "bench/threads.h"

namespace tributary::test {
namespace {

constexpr int kClients = 4;
constexpr char kUnpublished[] = "unpublished_document";

// One client of the application: every transaction inserts a draft, changes a document of its own, or approves one.
class Client {
 public:
  Client(const std::string& conninfo, const std::string& table, int number)
      : sql_(conninfo), prefix_(print("00000000-0000-4000-8000-%04x", number)), random_(number + 1U) {
    sql_.exec(
        "PREPARE write(uuid) AS INSERT INTO " + table +
        " SELECT $1, 'district-a', 'A report', repeat(md5($1::text), 4), 'draft', 12.5, '{\"year\": 2026}', now();"
        "PREPARE change(uuid, text) AS UPDATE " +
        table + " SET body = repeat($2, 4), updated_at = now() WHERE id = $1;" + "PREPARE approve(uuid) AS UPDATE " +
        table + " SET status = 'approved', updated_at = now() WHERE id = $1");
  }

  void run_until(Clock::time_point end) {
    for (auto began = Clock::now(); began < end;) {
      sql_.exec(next_transaction());
      const auto committed = Clock::now();
      milliseconds_.push_back(std::chrono::duration<double, std::milli>(committed - began).count());
      began = committed;
    }
  }
  const std::vector<double>& milliseconds() const { return milliseconds_; }

 private:
  std::string next_transaction() {
    const auto dice = static_cast<uint32_t>(random_() % 10);
    if (documents_ == 0 || dice < 4) return "EXECUTE write('" + key(documents_++) + "')";
    const std::string document = key(static_cast<uint32_t>(random_() % documents_));
    if (dice < 7)
      return "EXECUTE change('" + document + "', '" + print("%032x", static_cast<unsigned>(random_())) + "')";
    return "EXECUTE approve('" + document + "')";
  }
  std::string key(uint32_t document) const { return prefix_ + print("%08x", document); }

  Sql sql_;
  const std::string prefix_;
  std::mt19937 random_;
  uint32_t documents_ = 0;
  std::vector<double> milliseconds_;
};

struct Load {
  double transactions_per_second = 0;
  double wal_bytes_per_transaction = 0;
  Percentiles milliseconds;
  double transactions = 0;
};

Load run_load(Way& way, const std::string& table, double seconds) {
  Sql& district = way.sql(kDistrict);
  district.exec("CHECKPOINT");
  std::vector<std::unique_ptr<Client>> clients;
  for (int number = 0; number < kClients; ++number)
    clients.push_back(std::make_unique<Client>(way.conninfo(kDistrict), table, number));
  const std::string wal_begin = district.value("SELECT pg_current_wal_insert_lsn()");
  const auto began = Clock::now();
  const auto end = began + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  Threads threads;
  for (const auto& client : clients) threads.start([&] { client->run_until(end); });
  threads.wait();
  threads.rethrow_failure();
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  std::vector<double> milliseconds;
  for (const auto& client : clients)
    milliseconds.insert(milliseconds.end(), client->milliseconds().begin(), client->milliseconds().end());
  Load load;
  load.transactions = static_cast<double>(milliseconds.size());
  load.transactions_per_second = load.transactions / took;
  load.wal_bytes_per_transaction =
      static_cast<double>(
          district.number("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::pg_lsn)::bigint", {wal_begin})) /
      load.transactions;
  load.milliseconds = percentiles(std::move(milliseconds));
  return load;
}

void add(Figures& figures, const std::string& name, const Load& load) {
  figures.emplace_back(name + "transactions_per_second", load.transactions_per_second);
  figures.emplace_back(name + "commit_p50_ms", load.milliseconds.p50);
  figures.emplace_back(name + "commit_p99_ms", load.milliseconds.p99);
  figures.emplace_back(name + "wal_bytes_per_transaction", load.wal_bytes_per_transaction);
}

// The agents' writes to disk, of all that are.
double bytes_written(Way& way) {
  double bytes = 0;
  for (const auto& [name, process] : way.agents()) bytes += static_cast<double>(written_bytes_of(process));
  return bytes;
}

void measure_published(Way& way, const std::string& table, const std::string& name, double seconds, Figures& figures) {
  const double before = bytes_written(way);
  const Load load = run_load(way, table, seconds);
  add(figures, name, load);
  way.pass_mark(Clock::now() + std::chrono::minutes(5));
  figures.emplace_back(name + "agent_bytes_per_transaction", (bytes_written(way) - before) / load.transactions);
}

Figures measure(Way& way, const std::vector<PublishedTable>& more, double seconds) {
  Figures figures;
  way.rest();
  Sql& district = way.sql(kDistrict);
  district.exec(std::string("DROP TABLE IF EXISTS ") + kUnpublished + "; CREATE TABLE " + kUnpublished + " (" +
                document_table().columns + ")");
  add(figures, "unreplicated_", run_load(way, kUnpublished, seconds));
  way.resume();
  way.pass_mark(Clock::now() + std::chrono::minutes(5));
  measure_published(way, "document", "", seconds, figures);
  if (way.name() == "tributary") {
    for (const PublishedTable& table : more) measure_published(way, table.name, table.name + "_", seconds, figures);
  }
  figures.emplace_back("share_of_unreplicated", figure(figures, "transactions_per_second") /
                                                    figure(figures, "unreplicated_transactions_per_second"));
  return figures;
}

// `document` with another type of column `status`.
PublishedTable document_with_status(const std::string& name, const std::string& status_type) {
  PublishedTable table = document_table();
  const std::string plain = kStatusColumn;
  const size_t place = table.columns.find(plain);
  if (place == std::string::npos) throw std::logic_error("table document has no " + plain);
  table.name = name;
  table.columns.replace(place, plain.size(), "status " + status_type);
  table.identity.clear();
  table.indexes.clear();
  return table;
}

void make_status_type(Topology& topology) {
  for (int tier = kDistrict; tier <= topology.top(); ++tier)
    topology.cluster(tier).connect("tributary").exec("CREATE TYPE document_status AS ENUM ('draft', 'approved')");
}

class ApplicationCost : public Workload {
 public:
  std::string name() const override { return "W11"; }
  std::string summary() const override { return "what it costs the application: TPS, commits, WAL and disk"; }
  void run(const Request& request, Report& report) override {
    // A column that may be null is in no index identity; an enum is in no publication's filter.
    const std::vector<PublishedTable> more = {document_with_status("full_identity", "text"),
                                              document_with_status("agent_filter", "document_status NOT NULL")};
    Request with_full = request;
    if (request.has_peer("native")) with_full.peers.push_back("native-full");
    run_contest({.workload = name(),
                 .topology = {.tiers = 2},
                 .rounds = request.rounds,
                 .tables = {document_table()},
                 .tables_of_tributary = more,
                 .prepare = make_status_type,
                 .measure = [&](Way& way) { return measure(way, more, scaled_seconds(request, 15)); },
                 .speed = "transactions_per_second"},
                with_full, report);
  }
};

}  // namespace

std::unique_ptr<Workload> application_cost_workload() {
  return std::make_unique<ApplicationCost>();
}

}  // namespace tributary::test
