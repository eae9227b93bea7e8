#include "flow/check.h"

#include "base/clock.h"
#include "flow/file_checks.h"
#include "flow/link_checks.h"
#include "source/checks.h"

namespace tributary {
namespace {

check::Verdict verdict_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return check::OK;
    case Verdict::warning: return check::WARNING;
    case Verdict::stops: return check::STOPS;
  }
  return check::VERDICT_UNSPECIFIED;
}

check::Needs needs_of(Needs needs) {
  switch (needs) {
    case Needs::nothing: return check::NOTHING;
    case Needs::reload: return check::RELOAD;
    case Needs::restart: return check::RESTART;
  }
  return check::NOTHING;
}

void add(check::Report& report, check::Group group, const Findings& findings) {
  for (const Finding& finding : findings) {
    check::Fact& fact = *report.add_facts();
    fact.set_group(group);
    fact.set_verdict(verdict_of(finding.verdict));
    fact.set_what(finding.what);
    fact.set_why(finding.why);
    fact.set_mend(finding.mend);
    fact.set_needs(needs_of(finding.needs));
    if (finding.verdict == Verdict::stops) report.set_stops(report.stops() + 1);
    if (finding.verdict == Verdict::warning) report.set_warnings(report.warnings() + 1);
  }
}

struct DatabaseFindings {
  Findings server, source, parent;
};

Task<std::unique_ptr<Connection>> open_session(const Config& config, std::string conninfo, Findings& findings) {
  try {
    auto connection =
        co_await Connection::open(std::move(conninfo), Purpose::session, "tributary check " + config.node.name);
    co_await connection->query("SET lock_timeout = '2s'; SET statement_timeout = '10s'");
    co_return connection;
  } catch (const Error& error) {
    findings.push_back(
        {Verdict::stops, error.message(), error.hint(), "nothing that this database knows could be looked at"});
  }
  co_return nullptr;
}

// A lock or a statement that took too long says nothing about the node.
Task<> look(Task<> checks, Findings& findings) {
  try {
    co_await std::move(checks);
  } catch (const Error& error) {
    const bool is_for_now = error.kind() == ErrorKind::resource;
    findings.push_back({is_for_now ? Verdict::warning : Verdict::stops, error.message(),
                        is_for_now ? "tributary check, again, when the database has less to do" : error.hint(),
                        "what comes after this was not looked at"});
  }
}

Task<> check_databases(const Config& config, DatabaseFindings& found) {
  const bool has_own_role = config.intake && !config.database.apply_connection.empty();
  const int64_t lanes = config.intake ? config.intake->connections_max : 0;
  if (const auto connection = co_await open_session(config, config.database.connection, found.server)) {
    const int64_t sessions = (config.parent ? kSourceSessions : 1) + (has_own_role ? 0 : lanes);
    co_await look(check_server(*connection, config, found.server), found.server);
    co_await look(check_room_for_sessions(*connection, config, sessions, found.server), found.server);
    if (config.parent) co_await look(check_source(*connection, config, found.source), found.source);
    if (config.intake && !has_own_role) co_await look(check_parent(*connection, config, found.parent), found.parent);
  }
  if (!has_own_role) co_return;
  if (const auto connection = co_await open_session(config, config.database.apply_connection, found.parent)) {
    co_await look(check_room_for_sessions(*connection, config, lanes, found.parent), found.parent);
    co_await look(check_parent(*connection, config, found.parent), found.parent);
  }
}

}  // namespace

check::Report run_checks(const Config& config, const CheckOptions& options) {
  check::Report report;
  report.set_node(config.node.name);
  report.set_checked_at(unix_milliseconds_now());
  DatabaseFindings databases;
  run_to_end(check_databases(config, databases));
  Findings link, files;
  const bool can_open_links = check_tls_files(config, files);
  check_directories(config, files);
  if (config.parent && !options.is_offline) {
    if (can_open_links)
      run_to_end(check_link(config, link));
    else
      link.push_back({Verdict::warning, "the way to " + config.parent->name + " was not looked at",
                      "mend this node's certificate and key first, see below"});
    check_running_agent(config, link);
  }
  add(report, check::SERVER, databases.server);
  add(report, check::SOURCE, databases.source);
  add(report, check::PARENT, databases.parent);
  add(report, check::LINK, link);
  add(report, check::FILES, files);
  return report;
}

}  // namespace tributary
