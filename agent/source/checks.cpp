#include "source/checks.h"

#include <unistd.h>

#include <filesystem>

#include "source/catalogue.h"
#include "source/preparation.h"

namespace tributary {
namespace {

Finding finding(bool is_ok, std::string what_ok, std::string what_not, std::string mend,
                Verdict otherwise = Verdict::stops) {
  if (is_ok) return {Verdict::ok, std::move(what_ok), {}};
  return {otherwise, std::move(what_not), std::move(mend)};
}

Finding failed(const Error& error) {
  return {Verdict::stops, error.message(), error.hint()};
}

Task<void> check_write_ahead_log(Connection& connection, const Config& config, std::vector<Finding>& findings) {
  const Result facts = co_await connection.execute(
      "SELECT current_setting('wal_level'), current_setting('max_replication_slots')::int,"
      " (SELECT count(*) FROM pg_replication_slots WHERE slot_name <> $1),"
      " current_setting('max_wal_senders')::int,"
      " (SELECT count(*) FROM pg_stat_replication WHERE application_name <> $2)"
      " + (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND NOT EXISTS"
      "    (SELECT FROM pg_stat_replication r WHERE r.pid = pg_stat_activity.pid) AND application_name <> $2),"
      " rolreplication OR rolsuper, quote_ident(rolname) FROM pg_roles WHERE rolname = current_user",
      {config.slot(), "tributary " + config.node.name});
  const std::string level = facts.text(0, 0);
  findings.push_back(finding(level == "logical", "wal_level is logical", "wal_level is " + level,
                             "ALTER SYSTEM SET wal_level = 'logical'; then restart PostgreSQL"));
  findings.push_back(finding(facts.integer(0, 2) < facts.integer(0, 1), "a replication slot is free",
                             "all " + facts.text(0, 1) + " replication slots are in use (max_replication_slots)",
                             "ALTER SYSTEM SET max_replication_slots = " + std::to_string(facts.integer(0, 1) + 5) +
                                 "; then restart PostgreSQL"));
  findings.push_back(finding(
      facts.integer(0, 4) < facts.integer(0, 3), "a WAL sender is free",
      "all " + facts.text(0, 3) + " WAL senders are in use (max_wal_senders)",
      "ALTER SYSTEM SET max_wal_senders = " + std::to_string(facts.integer(0, 3) + 5) + "; then restart PostgreSQL"));
  findings.push_back(finding(facts.boolean(0, 5), "the role may replicate", "the role may not read the write-ahead log",
                             "ALTER ROLE " + facts.text(0, 6) + " REPLICATION"));
}

std::string mending(const Step& step) {
  const bool is_one_line = step.statement.find('\n') == std::string::npos;
  return is_one_line ? step.statement + "; or: tributary init" : "tributary init";
}

void check_table(const PreparedTable& table, std::vector<Finding>& findings) {
  const std::string name = table.facts.full_name();
  for (const std::string& column : table.plan.filter_columns)
    if (!table.facts.column(column)->is_not_null && table.plan.identity == Identity::full)
      findings.push_back({Verdict::warning,
                          "filter column " + column + " of " + name +
                              " may be NULL: the table needs REPLICA IDENTITY FULL, which writes more log",
                          "ALTER TABLE " + quote_name(table.facts.schema, table.facts.name) + " ALTER COLUMN " +
                              quote_name(column) + " SET NOT NULL, if it never is"});
  if (table.plan.completion && !table.facts.completion.later_trigger.empty())
    findings.push_back({Verdict::warning,
                        "trigger " + table.facts.completion.later_trigger + " of " + name +
                            " fires after the completion trigger: if it changes a filter column, a large value may be "
                            "missing at the parent",
                        "ALTER TRIGGER " + quote_name(table.facts.completion.later_trigger) + " ON " +
                            quote_name(table.facts.schema, table.facts.name) + " RENAME TO an earlier name"});
}

Task<void> check_rows_before_stream(Connection& connection, const Config& config, std::vector<Finding>& findings) {
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

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::warning: return "warning";
    case Verdict::stops: return "stops";
  }
  return "";
}

Task<std::vector<Finding>> check_server(Connection& connection, const Config& config) {
  std::vector<Finding> findings;
  const int version = connection.server_version();
  findings.push_back(finding(version >= 150000, "PostgreSQL " + connection.parameter("server_version"),
                             "PostgreSQL " + connection.parameter("server_version") + " is older than 15",
                             "upgrade the server to PostgreSQL 15 or newer"));
  const Result recovery = co_await connection.query("SELECT pg_is_in_recovery()");
  findings.push_back(finding(!recovery.boolean(0, 0), "the server is a primary", "the server is a standby",
                             "name all hosts in [database] connection, with target_session_attrs=primary"));
  if (connection.parameter("server_encoding") == "SQL_ASCII")
    findings.push_back({Verdict::warning,
                        "the database's encoding is SQL_ASCII: texts that are not valid UTF-8 cannot be sent" +
                            std::string(config.parent ? "" : " on"),
                        "dump the database and restore it into one with ENCODING 'UTF8'"});
  co_return findings;
}

Task<std::vector<Finding>> check_source(Connection& connection, const Config& config) {
  std::vector<Finding> findings;
  co_await check_write_ahead_log(connection, config, findings);

  const Result readable = co_await connection.query(
      "SELECT coalesce(has_table_privilege(to_regclass('tributary.published')::oid, 'SELECT'), false)"
      " AND has_schema_privilege('tributary', 'USAGE')");
  if (!readable.boolean(0, 0)) {
    findings.push_back({Verdict::stops, "the database is not prepared for this node", "tributary init"});
    co_return findings;
  }
  const auto known = co_await read_published_records(connection);
  bool is_plannable = true;
  for (const TableConfig& table : config.tables) {
    const auto record = known.find(table.full_name());
    try {
      const PreparedTable planned = co_await plan_source_table(
          connection, table, record == known.end() ? nullptr : &record->second, Viewer::agent);
      check_table(planned, findings);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::connection) throw;
      findings.push_back(failed(error));
      is_plannable = false;
    }
  }
  if (!is_plannable) co_return findings;
  const Preparation preparation = co_await prepare_source(connection, config, Viewer::agent);
  bool is_stopped = false;
  for (const Step& step : preparation.steps) {
    findings.push_back(
        {step.is_needed ? Verdict::stops : Verdict::warning, "not prepared: " + step.why, mending(step)});
    is_stopped = is_stopped || step.is_needed;
  }
  if (is_stopped) co_return findings;
  try {
    for (const SourceTable& table : co_await read_source_tables(connection, config))
      findings.push_back({Verdict::ok,
                          "table " + table.relation.full_name() + " is published" +
                              (table.row_filter.empty() ? ""
                               : table.evaluate_filter  ? ", its row filter evaluated for the agent"
                                                        : ", its row filter evaluated by the publication"),
                          {}});
    co_await check_rows_before_stream(connection, config, findings);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::connection) throw;
    findings.push_back(failed(error));
  }
  co_return findings;
}

std::vector<Finding> check_files(const Config& config) {
  std::vector<Finding> findings;
  // The control socket lies beside the queue, also at the top, which has no queue.
  const auto directory = std::filesystem::path(config.control_socket()).parent_path();
  const std::string what = config.parent ? "the queue's directory" : "the control socket's directory";
  const bool is_writable = ::access(directory.c_str(), W_OK | X_OK) == 0;
  findings.push_back(finding(
      is_writable, what + " can be written", what + " " + directory.string() + " cannot be written by this user",
      "make it, owned by the agent's user: install -d -m 0750 -o tributary " + directory.string()));
  return findings;
}

}  // namespace tributary
