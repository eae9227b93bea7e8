#include "source/checks.h"

#include <algorithm>
#include <filesystem>

#include "config/quantities.h"
#include "source/catalogue.h"
#include "source/preparation.h"
#include "source/table_checks.h"

namespace tributary {
namespace {

Finding failed(const Error& error) {
  return {Verdict::stops, error.message(), error.hint()};
}

bool is_of_the_moment(const Error& error) {
  return error.kind() == ErrorKind::connection || error.kind() == ErrorKind::resource;
}

constexpr uint64_t kGigabyte = 1ULL << 30;

constexpr char kWriteAheadLog[] = R"(
SELECT current_setting('wal_level'), current_setting('max_replication_slots')::int,
  (SELECT count(*) FROM pg_replication_slots WHERE slot_name <> $1),
  current_setting('max_wal_senders')::int,
  (SELECT count(*) FROM pg_stat_replication WHERE application_name <> $2)
    + (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND NOT EXISTS
        (SELECT FROM pg_stat_replication r WHERE r.pid = pg_stat_activity.pid) AND application_name <> $2),
  rolreplication OR rolsuper, quote_ident(rolname),
  (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),
  (SELECT setting::bigint FROM pg_settings WHERE name = 'max_wal_size'),
  (SELECT setting FROM pg_settings WHERE name = 'output_plugin_libraries'),
  inet_server_addr() IS NULL,
  (SELECT setting FROM pg_settings WHERE name = 'data_directory')
FROM pg_roles WHERE rolname = current_user)";

// Through a Unix socket the server is on this machine. Its data directory is told to few roles; then the place where
// Debian has all of them must do.
std::optional<uint64_t> free_disk_of_log(const Result& facts) {
  if (!facts.boolean(0, 10)) return std::nullopt;
  std::error_code failure;
  const std::string directory = facts.text(0, 11).empty() ? "/var/lib/postgresql" : facts.text(0, 11);
  const auto space = std::filesystem::space(directory, failure);
  if (failure) return std::nullopt;
  return space.available;
}

// For a slot that stands still, PostgreSQL keeps its log, without any limit by default.
Finding check_log_limit(const Result& facts) {
  const int64_t limit_megabytes = facts.integer(0, 7);
  const std::optional<uint64_t> free = free_disk_of_log(facts);
  if (limit_megabytes >= 0) {
    const uint64_t limit = static_cast<uint64_t>(limit_megabytes) << 20;
    const std::string what = "max_slot_wal_keep_size is " + format_size(limit);
    if (!free || limit <= *free) return {Verdict::ok, what};
    return {Verdict::warning, what + ", and the disk of the log has " + format_size(*free) + " free",
            "ALTER SYSTEM SET max_slot_wal_keep_size = '" +
                std::to_string(slot_log_limit_gigabytes(free, static_cast<uint64_t>(facts.integer(0, 8)) << 20)) +
                "GB'",
            "the disk is full before the limit is reached, and PostgreSQL stops", Needs::reload};
  }
  const uint64_t limit = slot_log_limit_gigabytes(free, static_cast<uint64_t>(facts.integer(0, 8)) << 20);
  return {Verdict::warning, "max_slot_wal_keep_size is -1: no limit",
          "ALTER SYSTEM SET max_slot_wal_keep_size = '" + std::to_string(limit) + "GB'",
          "while the agent is stopped PostgreSQL keeps its log, until its disk is full. With a limit the slot is lost "
          "instead, and the tables are compared anew. " +
              (free ? "Half of the " + format_size(*free) + " that are free is proposed"
                    : std::string("Ten times max_wal_size is proposed; the disk must have it")),
          Needs::reload};
}

Task<void> check_write_ahead_log(Connection& connection, const Config& config, Findings& findings) {
  const Result facts = co_await connection.execute(kWriteAheadLog, {config.slot(), "tributary " + config.node.name});
  const std::string level = facts.text(0, 0);
  if (level == "logical")
    findings.push_back({Verdict::ok, "wal_level is logical"});
  else
    findings.push_back({Verdict::stops, "wal_level is " + level, "ALTER SYSTEM SET wal_level = 'logical'",
                        "the write-ahead log does not hold what is to be sent", Needs::restart});
  const auto check_room = [&](int used, int most, const std::string& one, const std::string& setting) {
    const int64_t limit = facts.integer(0, most);
    if (facts.integer(0, used) < limit)
      findings.push_back({Verdict::ok, one + " is free"});
    else
      findings.push_back({Verdict::stops, "all " + std::to_string(limit) + " of " + setting + " are in use",
                          "ALTER SYSTEM SET " + setting + " = " + std::to_string(limit + 5),
                          "the agent reads the log through " + one, Needs::restart});
  };
  check_room(2, 1, "a replication slot", "max_replication_slots");
  check_room(4, 3, "a WAL sender", "max_wal_senders");
  if (facts.boolean(0, 5))
    findings.push_back({Verdict::ok, "the role " + facts.text(0, 6) + " may replicate"});
  else
    findings.push_back({Verdict::stops, "the role " + facts.text(0, 6) + " may not read the write-ahead log",
                        "ALTER ROLE " + facts.text(0, 6) + " REPLICATION"});
  findings.push_back(check_log_limit(facts));
  // Newer minor releases have the setting.
  if (facts.is_null(0, 9)) co_return;
  if (allows_pgoutput(facts.value(0, 9)))
    findings.push_back({Verdict::ok, "output_plugin_libraries has pgoutput"});
  else
    findings.push_back({Verdict::stops, "output_plugin_libraries is without pgoutput",
                        "ALTER SYSTEM SET output_plugin_libraries = 'pgoutput'" +
                            (facts.text(0, 9).empty() ? "" : ", followed by " + facts.text(0, 9)),
                        "PostgreSQL refuses to give the changes of the log out", Needs::reload});
}

std::string mending(const Step& step) {
  const bool is_one_line = step.statement.find('\n') == std::string::npos;
  return is_one_line ? step.statement + "; or: tributary init" : "tributary init";
}

Task<void> check_rows_before_stream(Connection& connection, const Config& config, Findings& findings) {
  // Before the first stream there is nothing to say: it begins with the copying of what is there.
  if (!co_await has_stream_begun(connection, config.node.name)) co_return;
  const std::vector<int64_t> counts = co_await read_rows_not_copied(connection, config);
  for (size_t i = 0; i < config.tables.size(); ++i) {
    const std::string name = config.tables[i].full_name();
    if (counts[i] < 0)
      findings.push_back({Verdict::warning, "the rows of " + name + " from before the stream began are not counted",
                          "restart the agent"});
    else if (counts[i] > 0)
      findings.push_back({Verdict::warning,
                          std::to_string(counts[i]) + " of the rows of " + name +
                              " that meet the filter were there before the stream began, and are still being copied",
                          "`tributary status` tells how far it is"});
  }
}

}  // namespace

uint64_t slot_log_limit_gigabytes(std::optional<uint64_t> disk_free_bytes, uint64_t max_wal_size_bytes) {
  const uint64_t bytes = disk_free_bytes ? *disk_free_bytes / 2 : 10 * max_wal_size_bytes;
  return std::max<uint64_t>(1, bytes / kGigabyte);
}

bool allows_pgoutput(std::string_view libraries) {
  while (!libraries.empty()) {
    const size_t end = std::min(libraries.find(','), libraries.size());
    std::string_view name = libraries.substr(0, end);
    libraries.remove_prefix(std::min(end + 1, libraries.size()));
    const size_t first = name.find_first_not_of(" \t\"");
    if (first == std::string_view::npos) continue;
    name = name.substr(first, name.find_last_not_of(" \t\"") - first + 1);
    if (name == "pgoutput") return true;
  }
  return false;
}

Task<> check_source(Connection& connection, const Config& config, Findings& findings) {
  co_await check_write_ahead_log(connection, config, findings);

  const Result readable = co_await connection.query(
      "SELECT coalesce(has_table_privilege(to_regclass('tributary.published')::oid, 'SELECT'), false)"
      " AND coalesce(has_schema_privilege(to_regnamespace('tributary')::oid, 'USAGE'), false)");
  if (!readable.boolean(0, 0)) {
    findings.push_back({Verdict::stops, "the database is not prepared for this node", "tributary init",
                        "what the agent needs of it is not there: publication, replica identities, its own schema"});
    co_return;
  }
  const auto known = co_await read_published_records(connection);
  std::vector<PreparedTable> tables;
  for (const TableConfig& table : config.tables) {
    const auto record = known.find(table.full_name());
    try {
      tables.push_back(co_await plan_source_table(connection, table, record == known.end() ? nullptr : &record->second,
                                                  Viewer::agent));
      check_table(tables.back(), findings);
    } catch (const Error& error) {
      if (is_of_the_moment(error)) throw;
      findings.push_back(failed(error));
    }
  }
  if (tables.size() < config.tables.size()) co_return;
  const Preparation preparation = co_await prepare_source(connection, config, Viewer::agent);
  bool is_stopped = false;
  for (const Step& step : preparation.steps) {
    findings.push_back(
        {step.is_needed ? Verdict::stops : Verdict::warning, "not prepared: " + step.why, mending(step)});
    is_stopped = is_stopped || step.is_needed;
  }
  if (is_stopped) co_return;
  try {
    for (const SourceTable& table : co_await read_source_tables(connection, config))
      findings.push_back({Verdict::ok,
                          "table " + table.relation.full_name() + " is published" +
                              (table.row_filter.empty() ? ""
                               : table.evaluate_filter  ? ", its row filter evaluated for the agent"
                                                        : ", its row filter evaluated by the publication"),
                          {}});
    for (const PreparedTable& table : tables) {
      co_await check_cascades(connection, table, config, findings);
      co_await check_any_row(connection, table, findings);
    }
    co_await check_rows_before_stream(connection, config, findings);
  } catch (const Error& error) {
    if (is_of_the_moment(error)) throw;
    findings.push_back(failed(error));
  }
}

}  // namespace tributary
