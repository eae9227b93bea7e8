#include "source/server_states.h"

namespace tributary {
namespace {

bool says(const Error& error, const char* words) {
  return error.message().find(words) != std::string::npos;
}

}  // namespace

Error explained(const Error& error, const std::string& role) {
  const std::string& code = error.sqlstate();
  const auto state = [&](const std::string& message, const std::string& hint) {
    return Error(ErrorKind::setup, message, hint, code);
  };
  if (code.empty() || !error.hint().empty()) return error;
  // Hardened minor releases load only the plugins that this setting names.
  if (says(error, "output plugin") || says(error, "output_plugin"))
    return state("PostgreSQL does not let pgoutput be used: " + error.message(),
                 "add pgoutput to the setting output_plugin_libraries, then reload PostgreSQL");
  if (code == "55000" && says(error, "wal_level"))
    return state("wal_level is too low: PostgreSQL does not log what capture reads",
                 "ALTER SYSTEM SET wal_level = 'logical'; then restart PostgreSQL");
  if (code == "53400" && says(error, "replication slots"))
    return state("PostgreSQL has no replication slot left (max_replication_slots)",
                 "SELECT slot_name, active FROM pg_replication_slots; drop one that nobody needs with"
                 " pg_drop_replication_slot, or raise max_replication_slots and restart PostgreSQL");
  if (code == "42704")
    return state("PostgreSQL cannot decode the log: " + error.message() +
                     "; the publication was dropped, or was missing"
                     " when rows were written",
                 "run: tributary init");
  if (code == "42501" && says(error, "replication"))
    return state(error.message(), "ALTER ROLE " + role + " REPLICATION; or: tributary init");
  if (code == "42501") return state(error.message(), "run: tributary init");
  return error;
}

}  // namespace tributary
