#include "cli/administrator.h"

#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "config/quantities.h"
#include "postgres/session_settings.h"

namespace tributary {
namespace {

// While it waits for a table's lock, every writer that comes after it waits too: at most so long, then it lets them
// pass. A statement that takes several locks one after the other is bounded as a whole.
constexpr std::chrono::milliseconds kLockWait{250};
constexpr std::chrono::milliseconds kStatementMax{500};
constexpr std::chrono::milliseconds kStatementMaxPerTable{2};
constexpr std::chrono::seconds kPause{1};
constexpr std::chrono::seconds kSayAgain{30};

std::string conninfo_item(const std::string& keyword, const std::string& value) {
  std::string quoted;
  for (const char c : value) {
    if (c == '\\' || c == '\'') quoted += '\\';
    quoted += c;
  }
  return keyword + "='" + quoted + "' ";
}

// The same database through its Unix socket, as postgres: what an administrator on the server itself can always use.
std::string local_administrator(const std::string& conninfo) {
  const ConnectionParameters agent = connection_parameters(conninfo, Purpose::session, "");
  const std::string host = agent.get("host");
  const std::string port = agent.get("port");
  const std::string dbname = agent.get("dbname");
  std::string admin = conninfo_item("host", host.starts_with('/') ? host : "/run/postgresql") +
                      conninfo_item("user", "postgres") +
                      conninfo_item("dbname", dbname.empty() ? agent.get("user") : dbname);
  if (!port.empty() && port.find(',') == std::string::npos) admin += conninfo_item("port", port);
  return admin;
}

// PostgreSQL's peer authentication asks which user of the system connects.
void become_postgres() {
  if (geteuid() != 0) return;
  const passwd* postgres = getpwnam("postgres");
  if (postgres && (setegid(postgres->pw_gid) != 0 || seteuid(postgres->pw_uid) != 0))
    throw Error(ErrorKind::setup, "cannot become the user postgres", "name the administrator's connection: --connect");
}

// The database that the agent uses, unless the administrator's string names one.
std::string with_database(const std::string& conninfo, const std::string& agents) {
  const ConnectionParameters given = connection_parameters(conninfo, Purpose::session, "");
  if (!given.get("dbname").empty() || conninfo.find("://") != std::string::npos) return conninfo;
  const ConnectionParameters agent = connection_parameters(agents, Purpose::session, "");
  const std::string dbname = agent.get("dbname");
  return conninfo + " " + conninfo_item("dbname", dbname.empty() ? agent.get("user") : dbname);
}

std::string lock_settings(const Step& step) {
  if (step.locked.empty()) return "SET lock_timeout = 0; SET statement_timeout = 0";
  const auto statement_max = kStatementMax + kStatementMaxPerTable * step.locked.size();
  return "SET lock_timeout = " + std::to_string(kLockWait.count()) +
         "; SET statement_timeout = " + std::to_string(statement_max.count());
}

// Settings are printed only when they change.
void print(const Step& step, bool is_dry_run, std::string& settings) {
  std::cout << "-- " << step.why << "\n";
  if (is_dry_run && settings != lock_settings(step)) std::cout << (settings = lock_settings(step)) << ";\n";
  for (const std::string& script : scripts_of(step)) std::cout << script << (script.ends_with(";\n") ? "" : ";\n");
  std::cout << std::endl;
}

Task<std::string> who_has_the_lock(Connection& connection, const std::vector<std::string>& tables) {
  std::string list;
  for (const std::string& table : tables) list += (list.empty() ? "" : ", ") + quote_literal(table);
  const Result rows = co_await connection.query(
      "SELECT DISTINCT a.pid, coalesce(nullif(a.application_name, ''), a.backend_type, ''),"
      " coalesce(to_char(now() - a.xact_start, 'HH24:MI:SS'), ''), a.xact_start"
      " FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.granted AND l.locktype = 'relation'"
      " AND l.relation IN (SELECT to_regclass(t) FROM unnest(ARRAY[" +
      list + "]::text[]) t) AND a.pid <> pg_backend_pid() ORDER BY a.xact_start LIMIT 3");
  std::string text;
  for (int i = 0; i < rows.rows(); ++i) {
    text += (i ? ", " : "") + ("pid " + rows.text(i, 0));
    if (!rows.value(i, 1).empty()) text += " (" + rows.text(i, 1) + ")";
    if (!rows.value(i, 2).empty()) text += " in a transaction for " + rows.text(i, 2);
  }
  co_return text;
}

bool passes_by_itself(const Step& step, const Error& error) {
  const std::string& code = error.sqlstate();
  if (step.locked.empty()) return false;
  // 40P01: only our session looks for a deadlock this early, so it is the one that gives way.
  return code == "55P03" || code == "57014" || code == "40P01";
}

Error for_a_person(const Step& step, const Error& error) {
  const std::string& code = error.sqlstate();
  if (code == "42501")
    return Error(ErrorKind::setup, error.message(), "connect as a superuser: --connect 'host=... user=postgres'", code);
  if (code == "2BP01")
    return Error(ErrorKind::setup, error.message(), "something was built on it: drop that first, then run this again",
                 code);
  if (step.statement.find(" CONCURRENTLY ") != std::string::npos)
    return Error(ErrorKind::setup, "building or dropping an index was broken off: " + error.message(),
                 "run this again: what is left of it is dropped and done anew", code);
  return error;
}

Task<> execute(Connection& connection, const Step& step, std::string script, std::chrono::milliseconds patience) {
  const Clock::time_point begin = Clock::now();
  std::optional<Clock::time_point> said;
  for (;;) {
    std::optional<Error> failure;
    try {
      co_await connection.query(script);
    } catch (const Error& error) {
      failure = error;
    }
    if (!failure) co_return;
    if (failure->kind() == ErrorKind::connection && failure->sqlstate() != "57014") throw *failure;
    if (connection.in_transaction()) co_await connection.query("ROLLBACK");
    if (!passes_by_itself(step, *failure)) throw for_a_person(step, *failure);
    const std::string who = co_await who_has_the_lock(connection, step.locked);
    const std::string by = who.empty() ? "" : " by " + who;
    if (Clock::now() - begin > patience)
      throw Error(ErrorKind::setup, "a table was locked all the time" + by + ": " + step.locked.front(),
                  "run this again when that has ended, or with more --patience; what is done stays done");
    if (!said || Clock::now() - *said > kSayAgain) {
      std::cout << "-- the table is locked" << by << "; tries again every second, writers pass in between\n\n"
                << std::flush;
      said = Clock::now();
    }
    co_await sleep_for(kPause);
  }
}

}  // namespace

void add_administrator_options(CLI::App& command, AdministratorOptions& options) {
  command.add_flag("--dry-run", options.is_dry_run, "Only print the statements, for psql");
  command.add_option("--connect", options.conninfo,
                     "The administrator's connection string (default: user postgres through the local socket)");
  command
      .add_option("--patience", options.patience,
                  "How long to try for the lock of a table that others use; their writes never wait for it longer than "
                  "a moment")
      ->capture_default_str();
}

Task<std::unique_ptr<Connection>> open_as_administrator(const Config& config, const AdministratorOptions& options,
                                                        std::string command) {
  const bool is_local = options.conninfo.empty();
  if (is_local) become_postgres();
  // Named, because g++ 12 destroys the temporary of a conditional twice within a co_await expression.
  const std::string conninfo = is_local ? local_administrator(config.database.connection)
                                        : with_database(options.conninfo, config.database.connection);
  auto connection =
      co_await Connection::open(conninfo, Purpose::admin, "tributary " + command + " " + config.node.name);
  // An autovacuum that holds the table's lock is sent away after this time, a second by default: longer than we wait.
  co_await connection->query(
      "SELECT set_config('deadlock_timeout', '100ms', false) FROM pg_roles WHERE rolname = current_user AND rolsuper");
  co_return connection;
}

void print_head(const std::string& command, const Config& config, const AdministratorOptions& options) {
  std::cout << "-- tributary " << command << " for node " << config.node.name;
  if (options.is_dry_run)
    std::cout << ": nothing is executed; for psql, to be run again where it stops\n"
                 "\\set ON_ERROR_STOP on\nSET search_path = '';\n\n";
  else
    std::cout << "\n\n";
}

Task<> carry_out(Connection& connection, const Preparation& preparation, const AdministratorOptions& options) {
  const auto patience = parse_duration(options.patience);
  std::string settings;
  for (const Step& step : preparation.steps) {
    print(step, options.is_dry_run, settings);
    if (options.is_dry_run) continue;
    co_await connection.query(lock_settings(step));
    for (const std::string& script : scripts_of(step)) co_await execute(connection, step, script, patience);
  }
  for (const std::string& note : preparation.notes) {
    std::string text = note;
    for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 4) text.replace(at, 1, "\n-- ");
    std::cout << "-- Note: " << text << "\n";
  }
}

}  // namespace tributary
