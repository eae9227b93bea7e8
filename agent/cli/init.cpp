// `tributary init`: prepares the node's database, as an administrator.
#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.h"
#include "config/parse.h"
#include "postgres/session_settings.h"
#include "source/catalogue.h"
#include "source/preparation.h"

namespace tributary {
namespace {

struct InitOptions {
  bool is_dry_run = false;
  std::string conninfo;
};

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

// PostgreSQL's peer authentication asks which user of the system connects. Root becomes postgres for the rest of this
// command, which writes no file.
void become_postgres() {
  if (geteuid() != 0) return;
  const passwd* postgres = getpwnam("postgres");
  if (postgres && (setegid(postgres->pw_gid) != 0 || seteuid(postgres->pw_uid) != 0))
    throw Error(ErrorKind::setup, "cannot become the user postgres", "name the administrator's connection: --connect");
}

void print(const Step& step) {
  std::cout << "-- " << step.why << "\n" << step.statement;
  std::cout << (step.statement.ends_with(";\n") ? "\n" : ";\n\n") << std::flush;
}

// An application's long transaction must not make ours stand before its other writes: give the lock up, try again.
Task<> execute(Connection& connection, const Step& step) {
  constexpr int kAttempts = 20;
  const bool waits_without_lock = step.statement.find(" CONCURRENTLY ") != std::string::npos;
  const std::string lock_timeout = waits_without_lock ? "0" : "2s";
  co_await connection.query("SET lock_timeout = '" + lock_timeout + "'");
  for (int attempt = 1;; ++attempt) {
    std::optional<Error> failure;
    try {
      co_await connection.query(step.statement);
    } catch (const Error& error) {
      failure = error;
    }
    if (!failure) co_return;
    if (failure->kind() == ErrorKind::connection) throw *failure;
    if (connection.in_transaction()) co_await connection.query("ROLLBACK");
    if (failure->sqlstate() == "42501")
      throw Error(ErrorKind::setup, failure->message(), "connect as a superuser: --connect 'host=... user=postgres'",
                  "42501");
    if (failure->sqlstate() != "55P03") throw *failure;
    if (attempt == kAttempts)
      throw Error(ErrorKind::setup, "a table is locked by other transactions", "run init again when they have ended");
    std::cout << "-- waits for other transactions to give up their locks\n" << std::flush;
    co_await sleep_for(std::chrono::seconds(1));
  }
}

Task<> carry_out(Connection& connection, const Preparation& preparation, bool is_dry_run, std::string side) {
  if (preparation.steps.empty()) std::cout << "-- " << side << ": everything is prepared already\n";
  for (const Step& step : preparation.steps) {
    print(step);
    if (!is_dry_run) co_await execute(connection, step);
  }
  for (const std::string& note : preparation.notes) std::cout << "-- Note: " << note << "\n";
}

Task<> say_what_is_sent_first(Connection& connection, const Config& config) {
  if (co_await has_stream_begun(connection, config.node.name)) co_return;
  for (const TableConfig& table : config.tables) {
    const int64_t rows = co_await count_matching_rows(connection, table);
    std::cout << "-- " << table.full_name() << ": " << rows << " rows are sent when the agent begins\n";
  }
}

Task<> init(Config config, InitOptions options) {
  const bool is_local = options.conninfo.empty();
  if (is_local) become_postgres();
  // Named, because g++ 12 destroys the temporary of a conditional twice within a co_await expression.
  const std::string conninfo = is_local ? local_administrator(config.database.connection) : options.conninfo;
  const auto connection = co_await Connection::open(conninfo, Purpose::admin, "tributary init " + config.node.name);
  std::cout << "-- tributary init for node " << config.node.name
            << (options.is_dry_run ? ": nothing is executed; for psql\nSET search_path = '';\n\n" : "\n\n");
  if (config.parent) {
    const Preparation source = co_await prepare_source(*connection, config, Viewer::administrator);
    co_await carry_out(*connection, source, options.is_dry_run, "source");
    co_await say_what_is_sent_first(*connection, config);
  }
  if (config.intake) {
    const Preparation parent = co_await prepare_parent(*connection, config);
    co_await carry_out(*connection, parent, options.is_dry_run, "intake");
  }
  std::cout << "-- done"
            << (options.is_dry_run ? ", nothing was changed" : "; next: tributary check, then tributary run")
            << std::endl;
}

}  // namespace

void add_init_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* init_command = app.add_subcommand("init", "Prepare the node's database, as an administrator");
  init_command->add_flag("--dry-run", options->is_dry_run, "Only print the statements, for psql");
  init_command->add_option("--connect", options->conninfo,
                           "The administrator's connection string (default: user postgres through the local socket)");
  init_command->footer("Prints every statement with its reason. What is right already is left as it is.");
  init_command->callback(
      [&context, options] { run_to_end(init(load_config(context.config_file, TlsFiles::not_needed), *options)); });
}

}  // namespace tributary
