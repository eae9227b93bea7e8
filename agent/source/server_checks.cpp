#include <algorithm>

#include "source/checks.h"

namespace tributary {
namespace {

constexpr char kSettings[] = R"(
SELECT pg_is_in_recovery(), current_setting('fsync')::bool, current_setting('full_page_writes')::bool,
  quote_ident(current_database()))";

// Who sees the others' sessions sees their names and databases, and little else.
constexpr char kSessions[] = R"(
WITH sessions AS (
  SELECT a.datname, a.usename, a.application_name = $1 OR a.application_name LIKE $1 || ' %' AS is_agents
  FROM pg_stat_activity a WHERE a.datid IS NOT NULL AND a.pid <> pg_backend_pid()
    AND NOT EXISTS (SELECT FROM pg_stat_get_wal_senders() w WHERE w.pid = a.pid))
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce((SELECT setting::int FROM pg_settings WHERE name = 'reserved_connections'), 0),
  (SELECT count(*) FROM sessions),
  (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
  (SELECT count(*) FROM sessions WHERE datname = current_database()),
  (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),
  (SELECT count(*) FROM sessions WHERE usename = current_user),
  (SELECT count(*) FROM sessions WHERE is_agents AND usename = current_user),
  quote_ident(current_database()), quote_ident(current_user), current_setting('max_connections'))";

void check_encoding(const std::string& encoding, const Config& config, Findings& findings) {
  const std::string mend = "dump the database, and restore it into one with ENCODING 'UTF8'";
  if (encoding == "SQL_ASCII")
    findings.push_back({Verdict::warning,
                        "the database's encoding is SQL_ASCII: texts that are not valid UTF-8 cannot be sent" +
                            std::string(config.parent ? "" : " on"),
                        mend});
  else if (encoding != "UTF8" && config.intake)
    findings.push_back({Verdict::warning, "the database's encoding is " + encoding, mend,
                        "a child's row with a character that " + encoding + " lacks is refused, and holds the child"});
  else
    findings.push_back({Verdict::ok, "the database's encoding is " + encoding});
}

void check_durability(const char* setting, bool is_on, const char* why, Findings& findings) {
  if (is_on)
    findings.push_back({Verdict::ok, std::string(setting) + " is on"});
  else
    findings.push_back({Verdict::warning, std::string(setting) + " is off",
                        std::string("ALTER SYSTEM SET ") + setting + " = 'on'", why, Needs::reload});
}

}  // namespace

Task<> check_server(Connection& connection, const Config& config, Findings& findings) {
  const std::string version = connection.parameter("server_version");
  if (connection.server_version() >= 150000)
    findings.push_back({Verdict::ok, "PostgreSQL " + version});
  else
    findings.push_back({Verdict::stops, "PostgreSQL " + version + " is older than 15",
                        "upgrade the server to PostgreSQL 15 or newer"});
  const Result settings = co_await connection.query(kSettings);
  if (settings.boolean(0, 0))
    findings.push_back({Verdict::stops, "the server is a standby",
                        "name all hosts in [database] connection, with target_session_attrs=primary",
                        "the agent writes its position where it reads or writes rows, and a standby takes no writes"});
  else
    findings.push_back({Verdict::ok, "the server is a primary"});
  check_encoding(connection.parameter("server_encoding"), config, findings);
  check_durability("fsync", settings.boolean(0, 1),
                   "after a power failure the whole cluster may be damaged, and with it what was acknowledged",
                   findings);
  check_durability("full_page_writes", settings.boolean(0, 2),
                   "after a power failure pages may be half written, and nobody notices", findings);
}

Task<> check_room_for_sessions(Connection& connection, const Config& config, int64_t needed, Findings& findings) {
  const Result facts = co_await connection.execute(kSessions, {"tributary " + config.node.name});
  const int64_t agents = facts.integer(0, 6);
  const int64_t wanted = std::max<int64_t>(0, needed - agents);
  const auto check = [&](int64_t limit, int64_t used, const std::string& whose, std::string mend, Needs needs) {
    if (limit < 0 || limit - used >= wanted) return false;
    findings.push_back({Verdict::warning,
                        whose + " has room for " + std::to_string(std::max<int64_t>(0, limit - used)) +
                            " more sessions, and the agent needs up to " + std::to_string(wanted),
                        std::move(mend), "a part of the agent waits until a session is free, and tries again", needs});
    return true;
  };
  const auto with_room = [&](int64_t used) { return std::to_string(used + wanted); };
  const bool is_short_of_server =
      check(facts.integer(0, 0), facts.integer(0, 1), "the server (max_connections = " + facts.text(0, 9) + ")",
            "ALTER SYSTEM SET max_connections = " + std::to_string(std::stoll(facts.text(0, 9)) + 20), Needs::restart);
  const bool is_short_of_database = check(
      facts.integer(0, 2), facts.integer(0, 3), "the database " + facts.text(0, 7),
      "ALTER DATABASE " + facts.text(0, 7) + " CONNECTION LIMIT " + with_room(facts.integer(0, 3)), Needs::nothing);
  const bool is_short_of_role =
      check(facts.integer(0, 4), facts.integer(0, 5), "the role " + facts.text(0, 8),
            "ALTER ROLE " + facts.text(0, 8) + " CONNECTION LIMIT " + with_room(facts.integer(0, 5)), Needs::nothing);
  if (!is_short_of_server && !is_short_of_database && !is_short_of_role)
    findings.push_back({Verdict::ok, "the role " + facts.text(0, 8) + " may open the sessions that the agent needs"});
}

}  // namespace tributary
