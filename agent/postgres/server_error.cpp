#include "postgres/server_error.h"

#include <libpq-fe.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "postgres/connection.h"

namespace tributary {
namespace {

// Conditions a person may meet whose primary message may quote values (PostgreSQL's errcodes.txt).
constexpr std::pair<std::string_view, std::string_view> kConditions[] = {
    {"0A000", "feature_not_supported"},
    {"22001", "string_data_right_truncation"},
    {"22003", "numeric_value_out_of_range"},
    {"22007", "invalid_datetime_format"},
    {"22008", "datetime_field_overflow"},
    {"22012", "division_by_zero"},
    {"22021", "character_not_in_repertoire"},
    {"22023", "invalid_parameter_value"},
    {"22P02", "invalid_text_representation"},
    {"22P05", "untranslatable_character"},
    {"23502", "not_null_violation"},
    {"23503", "foreign_key_violation"},
    {"23505", "unique_violation"},
    {"23514", "check_violation"},
    {"23P01", "exclusion_violation"},
    {"3F000", "invalid_schema_name"},
    {"42501", "insufficient_privilege"},
    {"42601", "syntax_error"},
    {"42602", "invalid_name"},
    {"42702", "ambiguous_column"},
    {"42703", "undefined_column"},
    {"42704", "undefined_object"},
    {"42725", "ambiguous_function"},
    {"42804", "datatype_mismatch"},
    {"42883", "undefined_function"},
    {"428C9", "generated_always"},
    {"42P01", "undefined_table"},
    {"54000", "program_limit_exceeded"},
    {"P0001", "raise_exception"},
};

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  for (const auto prefix : prefixes)
    if (text.starts_with(prefix)) return true;
  return false;
}

// Classes whose primary messages name objects and settings, never values.
bool is_harmless(std::string_view sqlstate) {
  return starts_with_any(sqlstate,
                         {"08", "0A", "25", "26", "28", "2B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58"});
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text ? text : "";
}

}  // namespace

std::string first_line(std::string_view text) {
  const auto end = text.find('\n');
  return std::string(text.substr(0, end));
}

std::string condition_name(std::string_view sqlstate) {
  for (const auto& [code, name] : kConditions)
    if (code == sqlstate) return std::string(name);
  return std::string(sqlstate);
}

ErrorKind kind_of_sqlstate(std::string_view sqlstate) {
  if (starts_with_any(sqlstate, {"08", "57P"})) return ErrorKind::connection;
  // 55006: another session still uses the slot. The rest of class 55 (55000 above all) does not mend itself.
  if (starts_with_any(sqlstate, {"25006", "40", "53", "55006", "55P03", "57", "58"})) return ErrorKind::resource;
  if (starts_with_any(sqlstate, {"22", "23", "42804", "42703", "42P01", "42501", "428C9", "21", "44", "54", "P0"}))
    return ErrorKind::data;
  return ErrorKind::setup;
}

Error server_error(const PGresult* result) {
  const std::string sqlstate = field(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty())
    return Error(ErrorKind::connection,
                 "lost the connection to PostgreSQL: " + first_line(PQresultErrorMessage(result)));
  std::string message = "PostgreSQL: ";
  // What a function of the database raises has its author's words, under any SQLSTATE; it comes with a context, as
  // waiting for a lock does too.
  const bool is_from_function =
      !field(result, PG_DIAG_CONTEXT).empty() && !starts_with_any(sqlstate, {"40", "53", "55P03", "57"});
  if (is_harmless(sqlstate) && !is_from_function) {
    message += field(result, PG_DIAG_MESSAGE_PRIMARY);
  } else {
    message += condition_name(sqlstate);
    if (const auto table = field(result, PG_DIAG_TABLE_NAME); !table.empty())
      message += ", table " + field(result, PG_DIAG_SCHEMA_NAME) + "." + table;
    if (const auto column = field(result, PG_DIAG_COLUMN_NAME); !column.empty()) message += ", column " + column;
    if (const auto constraint = field(result, PG_DIAG_CONSTRAINT_NAME); !constraint.empty())
      message += ", constraint " + constraint;
  }
  message += " (SQLSTATE " + sqlstate + ")";
  std::string hint;
  // The agent's sessions raise where they would not see every row.
  if (sqlstate == "42501" && message.find("row-level security") != std::string::npos)
    hint = "ALTER ROLE <the agent's role> BYPASSRLS, or run `tributary init`";
  return Error(kind_of_sqlstate(sqlstate), message, hint, sqlstate);
}

namespace {

// The quoted text that follows `word` in a message of the server: user "tributary".
std::string quoted_after(std::string_view message, std::string_view word) {
  const size_t begin = message.find(std::string(word) + " \"");
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = message.substr(begin + word.size() + 2);
  return std::string(rest.substr(0, rest.find('"')));
}

// pg_hba.conf has no line for this session, or one that rejects it: the line that would let it in.
std::string hba_hint(std::string_view message) {
  const std::string host = quoted_after(message, "host");
  const std::string session = quoted_after(message, "database") + " " + quoted_after(message, "user");
  const std::string line =
      host.empty() || host == "[local]"
          ? "local " + session + " peer"
          : "host " + session + " " + host + (host.find(':') == std::string::npos ? "/32" : "/128") + " scram-sha-256";
  return "add to pg_hba.conf, above what rejects it: " + line + " (then SELECT pg_reload_conf())";
}

struct Refusal {
  std::vector<std::string_view> words;  // a line of libpq's says all of them
  const char* hint;
};

// What a person has to act on.
const std::vector<Refusal>& refusals() {
  static const std::vector<Refusal> kRefusals = {
      {{"Peer authentication failed"},
       "peer asks for the system's user of the role's name: run this with runuser -u ROLE -- ..., or give the role a "
       "password and a line with scram-sha-256 in pg_hba.conf"},
      {{"authentication failed"}, "check the password of the role, ~/.pgpass, or pg_hba.conf"},
      {{"no password supplied"}, "check the password of the role, ~/.pgpass, or pg_hba.conf"},
      {{"role", "does not exist"}, "run `tributary init` to create the role"},
      {{"role", "is not permitted to log in"}, "ALTER ROLE <role> LOGIN"},
      {{"database", "does not exist"}, "check dbname in [database] connection"},
      {{"permission denied for database"}, "run `tributary init`, or: GRANT CONNECT ON DATABASE <name> TO <role>"},
      {{"must be superuser or replication role"}, "run `tributary init`, or: ALTER ROLE <role> REPLICATION"}};
  return kRefusals;
}

// What may pass by itself.
const std::vector<Refusal>& absences() {
  static const std::vector<Refusal> kAbsences = {
      {{"too many connections for role"}, "ALTER ROLE ... CONNECTION LIMIT with a higher number, or -1 for none"},
      {{"too many connections for database"}, "ALTER DATABASE ... CONNECTION LIMIT with a higher number, or -1"},
      {{"max_wal_senders"}, "pg_stat_replication shows who has them; or raise max_wal_senders and restart PostgreSQL"},
      {{"too many clients"}, "close sessions that nobody needs, or raise max_connections and restart PostgreSQL"},
      {{"connection slots are reserved"},
       "close sessions that nobody needs, or raise max_connections and restart PostgreSQL"},
      {{"Connection refused"}, "does PostgreSQL run, and listen there? pg_lsclusters shows its clusters and ports"},
      {{"No such file or directory"}, "does PostgreSQL run? pg_lsclusters shows its clusters and ports"},
      {{"could not translate host name"}, "check host in [database] connection, and the name service"},
      {{"timeout expired"}, "check host and port in [database] connection, and the firewalls between"}};
  return kAbsences;
}

const char* hint_among(const std::vector<Refusal>& known, std::string_view line) {
  for (const auto& [words, hint] : known)
    if (std::ranges::all_of(words, [&](auto word) { return line.find(word) != std::string::npos; })) return hint;
  return nullptr;
}

}  // namespace

Error connect_error(std::string_view libpq_message) {
  // One line per host that was tried: of several, the one that refused says what a person has to do.
  for (std::string_view rest = libpq_message; !rest.empty();) {
    const std::string line = first_line(rest);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.find("no pg_hba.conf entry") != std::string::npos || line.find("pg_hba.conf rejects") != std::string::npos)
      return Error(ErrorKind::setup, line, hba_hint(line));
    if (const char* hint = hint_among(refusals(), line)) return Error(ErrorKind::setup, line, hint);
  }
  const std::string line = first_line(libpq_message);
  const char* hint = hint_among(absences(), line);
  return Error(ErrorKind::connection, "cannot connect to PostgreSQL: " + line, hint ? hint : "");
}

}  // namespace tributary
