#include "bench/way.h"

#include "bench/native_way.h"
#include "bench/pglogical_way.h"
#include "bench/process_facts.h"
#include "bench/tributary_way.h"

namespace tributary::test {
namespace {

const char* const kMarkTable = "bench_mark";

struct Digest {
  int64_t rows;
  std::string md5;
};

// Of the whole table, row by row.
Digest digest(Sql& sql, const PublishedTable& table, const std::string& where) {
  const Row row = sql.rows("SELECT count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY id), '')) FROM " +
                           table.name + " t" + (where.empty() ? "" : " WHERE " + where))[0];
  return {std::stoll(*row[0]), *row[1]};
}

// "" when they are equal.
std::string deviation(const Digest& expected, const Digest& found) {
  if (found.rows != expected.rows)
    return std::to_string(found.rows) + " rows instead of " + std::to_string(expected.rows);
  return found.md5 == expected.md5 ? "" : "other contents";
}

}  // namespace

void wait_until(const std::string& what, const std::function<bool()>& is_true, Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  wait_until(what, is_true, std::max(left, std::chrono::milliseconds(0)));
}

Way::Way(Topology& topology, std::string name, std::string database)
    : topology_(topology), name_(std::move(name)), database_(std::move(database)) {}

void Way::set_up(std::vector<PublishedTable> tables) {
  make_tables(std::move(tables));
  connect_tables();
}

void Way::set_up_for_copy(std::vector<PublishedTable> tables) {
  make_tables(std::move(tables));
  prepare_copy();
}

void Way::make_tables(std::vector<PublishedTable> tables) {
  tables_ = std::move(tables);
  tables_.push_back({.name = kMarkTable, .columns = "id int PRIMARY KEY"});
  for (int tier = kDistrict; tier <= topology_.top(); ++tier) {
    Cluster& cluster = topology_.cluster(tier);
    if (cluster.connect().number("SELECT count(*) FROM pg_database WHERE datname = $1", {database_}) == 0)
      cluster.create_database(database_);
    sessions_.push_back(std::make_unique<Sql>(conninfo(tier)));
    sql(tier).exec("SET statement_timeout = '5min'");
    for (const PublishedTable& table : tables_) {
      sql(tier).exec("CREATE TABLE " + table.name + " (" + table.columns + ")");
      if (tier > kDistrict && !table.indexes.empty()) sql(tier).exec(table.indexes);
    }
  }
}

void Way::empty() {
  for (int tier = kDistrict; tier <= topology_.top(); ++tier) {
    for (const PublishedTable& table : tables_) sql(tier).exec("TRUNCATE " + table.name);
  }
}

void Way::write_mark() {
  sql(kDistrict).exec("INSERT INTO bench_mark VALUES ($1)", {std::to_string(++mark_)});
}

bool Way::has_mark(int tier) {
  return sql(tier).number("SELECT count(*) FROM bench_mark WHERE id = $1", {std::to_string(mark_)}) == 1;
}

void Way::wait_for_mark(Clock::time_point deadline) {
  const auto has_arrived = [this] {
    expect_alive();
    return has_mark(topology_.top());
  };
  wait_until("everything is at the " + std::string(tier_name(topology_.top())), has_arrived, deadline);
}

void Way::pass_mark(Clock::time_point deadline) {
  write_mark();
  wait_for_mark(deadline);
}

int64_t Way::retained_wal_bytes(Sql& district) {
  return district.number(
      "SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0)::bigint"
      " FROM pg_replication_slots WHERE database = current_database()");
}

std::string Way::difference() {
  std::string text;
  for (const PublishedTable& table : tables_) {
    const Digest expected = digest(sql(kDistrict), table, table.where);
    for (int tier = kRegion; tier <= topology_.top(); ++tier) {
      const std::string found = deviation(expected, digest(sql(tier), table, ""));
      if (!found.empty()) text += (text.empty() ? "" : "; ") + table.name + " at the " + tier_name(tier) + ": " + found;
    }
  }
  return text;
}

void Way::add_backends(std::vector<Part>& parts, int tier, const std::string& role, const std::string& condition) {
  for (const Row& row : sql(tier).rows(
           "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND (" +
           condition + ")"))
    parts.push_back({tier_name(tier) + (" " + role), static_cast<pid_t>(std::stol(*row[0]))});
}

std::vector<pid_t> Way::postmasters() {
  std::vector<pid_t> postmasters;
  for (int tier = kDistrict; tier <= topology_.top(); ++tier) postmasters.push_back(parent_of(sql(tier).backend_pid()));
  return postmasters;
}

std::unique_ptr<Way> make_way(const std::string& name, Topology& topology) {
  if (name == "tributary") return std::make_unique<TributaryWay>(topology);
  if (name == "pglogical") return std::make_unique<PglogicalWay>(topology);
  return std::make_unique<NativeWay>(topology, name);
}

}  // namespace tributary::test
