#include <algorithm>
#include <iterator>

#include "source/preparation.h"

namespace tributary {
namespace {

Grant on_schema(const std::string& role, const std::string& schema, const std::string& why) {
  const std::string name = quote_name(schema);
  return {"SCHEMA " + name,
          {{"USAGE",
            {},
            "has_schema_privilege(" + quote_literal(role) + ", to_regnamespace(" + quote_literal(name) +
                ")::oid, 'USAGE')"}},
          why};
}

Grant on_table(const std::string& role, const std::string& quoted_table, const std::vector<std::string>& rights,
               const std::string& why) {
  Grant grant{"TABLE " + quoted_table, {}, why};
  for (const std::string& right : rights)
    grant.rights.push_back({right,
                            {},
                            "has_table_privilege(" + quote_literal(role) + ", to_regclass(" +
                                quote_literal(quoted_table) + ")::oid, '" + right + "')"});
  return grant;
}

Grant on_columns(const std::string& role, const std::string& quoted_table, const std::string& right,
                 const std::vector<std::string>& columns, const std::string& why) {
  Grant grant{"TABLE " + quoted_table, {}, why};
  for (const std::string& column : columns)
    grant.rights.push_back({right, column,
                            "has_column_privilege(" + quote_literal(role) + ", to_regclass(" +
                                quote_literal(quoted_table) + ")::oid, " + quote_literal(column) + ", '" + right +
                                "')"});
  return grant;
}

// What leaves PostgreSQL, and what the filter reads.
std::vector<std::string> columns_read(const PreparedTable& table) {
  const std::vector<std::string>& sent = table.config.columns;
  const std::vector<std::string>& identity = table.plan.identity_columns;
  std::vector<std::string> names;
  for (const ColumnFacts& column : table.facts.columns) {
    const bool is_sent = sent.empty() || std::find(sent.begin(), sent.end(), column.name) != sent.end();
    const bool is_identity = std::find(identity.begin(), identity.end(), column.name) != identity.end();
    if (!column.is_generated && (is_sent || is_identity)) names.push_back(column.name);
  }
  return names;
}

// `settings`: what the role has in this database, NAME=VALUE each.
std::vector<Step> quiet_log_steps(const std::string& role, const std::string& database,
                                  const std::vector<std::string>& settings) {
  Step step{"", "row contents must not get into the server's log", false};
  for (const auto& [setting, value] : {std::pair{"log_error_verbosity", "terse"},
                                       {"log_min_error_statement", "panic"},
                                       {"log_parameter_max_length", "0"},
                                       {"log_parameter_max_length_on_error", "0"}}) {
    std::optional<std::string> former;
    const std::string begin = std::string(setting) + "=";
    for (const std::string& known : settings)
      if (known.starts_with(begin)) former = known.substr(begin.size());
    if (former == value) continue;
    step.statement += (step.statement.empty() ? "" : ";\n") + ("ALTER ROLE " + role) + " IN DATABASE " + database +
                      " SET " + setting + " = " + value;
    step.records.push_back({"role setting", role, setting, "", former});
  }
  if (step.statement.empty()) return {};
  return {step};
}

void add_once(std::vector<Grant>& grants, Grant grant) {
  const auto is_same = [&](const Grant& other) { return other.object == grant.object; };
  if (std::none_of(grants.begin(), grants.end(), is_same)) grants.push_back(std::move(grant));
}

}  // namespace

Step Grant::step_for(const std::string& role) const {
  std::string whole, on_columns;
  std::vector<UndoRecord> records;
  for (const Right& right : rights) {
    std::string& list = right.column.empty() ? whole : on_columns;
    list += (list.empty() ? "" : ", ") + (right.column.empty() ? right.name : quote_name(right.column));
    records.push_back({"grant", object,
                       right.column.empty() ? right.name : right.name + " (" + quote_name(right.column) + ")",
                       quote_name(role)});
  }
  const std::string list = on_columns.empty() ? whole : rights.front().name + " (" + on_columns + ")";
  return {"GRANT " + list + " ON " + object + " TO " + quote_name(role), why, is_needed, std::move(records)};
}

std::vector<Grant> source_grants(const std::string& role, const std::string& database,
                                 const std::vector<PreparedTable>& tables) {
  std::vector<Grant> grants;
  const auto on_database = [&](const std::string& right) {
    return Right{right, {}, "has_database_privilege(" + quote_literal(role) + ", current_database(), '" + right + "')"};
  };
  grants.push_back({"DATABASE " + quote_name(database),
                    {on_database("CONNECT"), on_database("TEMPORARY")},
                    "`check` has row filters parsed with an empty temporary table"});
  const std::string state = "the agent keeps the state of its stream here";
  const std::string published = quote_name("tributary", "published");
  grants.push_back(on_schema(role, "tributary", state));
  grants.push_back(on_table(role, quote_name("tributary", "stream"), {"SELECT", "INSERT", "UPDATE", "DELETE"}, state));
  grants.push_back(on_table(role, published, {"SELECT"}, state));
  grants.push_back(on_columns(role, published, "UPDATE", {"rows_not_copied"}, state));
  for (const PreparedTable& table : tables) {
    add_once(grants, on_schema(role, table.facts.schema, "the agent reads tables of this schema"));
    grants.push_back(on_columns(role, quote_name(table.facts.schema, table.facts.name), "SELECT", columns_read(table),
                                "the agent reads the columns that it sends, the key and what the filter needs"));
    if (!table.facts.is_partitioned) {
      grants.push_back(on_columns(role, quote_name(table.facts.schema, table.facts.name), "SELECT", {"ctid"},
                                  "the first copy of the table is faster when it is read as it lies"));
      grants.back().is_needed = false;
    }
    for (const std::string& name : table.plan.filter_columns) {
      const std::string& type = table.facts.column(name)->user_type;
      if (!type.empty())
        add_once(grants, on_schema(role, type.substr(0, type.find('.')), "a row filter uses a type of this schema"));
    }
    for (const UserFunction& function : table.filter_functions) {
      add_once(grants, on_schema(role, function.schema, "a row filter calls a function of this schema"));
      add_once(grants, {"FUNCTION " + function.signature,
                        {{"EXECUTE",
                          {},
                          "has_function_privilege(" + quote_literal(role) + ", to_regprocedure(" +
                              quote_literal(function.signature) + ")::oid, 'EXECUTE')"}},
                        "the row filter of " + table.facts.full_name() + " calls it"});
    }
  }
  return grants;
}

std::vector<Grant> parent_grants(const std::string& role, const std::vector<ParentTable>& tables) {
  std::vector<Grant> grants;
  const std::string state = "the position of each child, and how far it is refreshed, are kept here";
  grants.push_back(on_schema(role, "tributary", state));
  for (const char* table : {"applied", "walk", "stale", "extra", "ownership", "paused"})
    grants.push_back(on_table(role, quote_name("tributary", table), {"SELECT", "INSERT", "UPDATE", "DELETE"}, state));
  grants.push_back(
      {"PARAMETER session_replication_role",
       {{"SET", {}, "has_parameter_privilege(" + quote_literal(role) + ", 'session_replication_role', 'SET')"}},
       "foreign keys and triggers were enforced at the child; they are not again here"});
  for (const ParentTable& table : tables) {
    add_once(grants, on_schema(role, table.schema, "children write tables of this schema"));
    for (const std::string& schema : table.schemas_used)
      add_once(grants, on_schema(role, schema, "tables that children write use types of this schema"));
    grants.push_back(on_table(role, quote_name(table.schema, table.name), {"SELECT", "INSERT", "UPDATE", "DELETE"},
                              "children write this table ([intake] tables)"));
    for (const std::string& sequence : table.sequences_used)
      add_once(grants, {"SEQUENCE " + sequence,
                        {{"USAGE",
                          {},
                          "has_sequence_privilege(" + quote_literal(role) + ", to_regclass(" + quote_literal(sequence) +
                              ")::oid, 'USAGE')"}},
                        "a column that only this database has takes its default from it"});
  }
  return grants;
}

Task<std::vector<Step>> missing_grants(Connection& connection, const std::string& role, std::vector<Grant> grants) {
  const Result exists = co_await connection.execute("SELECT FROM pg_roles WHERE rolname = $1", {role});
  std::vector<Step> steps;
  for (Grant& grant : grants) {
    if (exists.rows() > 0) {
      std::string are_given;
      for (const Right& right : grant.rights)
        are_given += (are_given.empty() ? "SELECT coalesce(" : ", coalesce(") + right.is_given + ", false)";
      const Result answer = co_await connection.execute(are_given, {});
      std::vector<Right> missing;
      for (size_t i = 0; i < grant.rights.size(); ++i)
        if (!answer.boolean(0, static_cast<int>(i))) missing.push_back(std::move(grant.rights[i]));
      grant.rights = std::move(missing);
    }
    if (!grant.rights.empty()) steps.push_back(grant.step_for(role));
  }
  co_return steps;
}

Task<std::vector<Step>> role_steps(Connection& connection, const std::string& role, bool captures,
                                   bool must_see_all_rows, std::vector<std::string>& notes) {
  const std::string name = quote_name(role);
  const Result facts = co_await connection.execute(
      "SELECT rolcanlogin, rolreplication, rolsuper, rolbypassrls, quote_ident(current_database()),"
      " (SELECT string_agg(setting, E'\\x1f') FROM pg_db_role_setting, unnest(setconfig) setting"
      "  WHERE setrole = r.oid AND setdatabase = d.oid)"
      " FROM pg_database d LEFT JOIN pg_roles r ON r.rolname = $1 WHERE d.datname = current_database()",
      {role});
  const bool exists = !facts.is_null(0, 0);
  const bool is_superuser = facts.boolean(0, 2);
  std::vector<Step> steps;
  if (!exists) {
    const std::string attributes = captures ? "LOGIN REPLICATION" : "LOGIN";
    steps.push_back(
        {"CREATE ROLE " + name + " " + attributes, "the agent's own role", true, {{"role", name, attributes}}});
    notes.push_back("The role " + role + " has no password. Either give it one in psql (\\password " + role +
                    ") and in the agent's ~/.pgpass, or let pg_hba.conf accept it without (peer, cert).");
  }
  const auto need_attribute = [&](bool has, const std::string& attribute, const std::string& why) {
    if (!has)
      steps.push_back({"ALTER ROLE " + name + " " + attribute,
                       why,
                       true,
                       {{"role attribute", name, attribute, "", "NO" + attribute}}});
  };
  if (exists) {
    need_attribute(facts.boolean(0, 0), "LOGIN", "the agent logs in with this role");
    if (captures)
      need_attribute(facts.boolean(0, 1) || is_superuser, "REPLICATION", "reading the write-ahead log asks for it");
  }
  if (must_see_all_rows)
    need_attribute(is_superuser || facts.boolean(0, 3), "BYPASSRLS",
                   "row-level security would hide rows from the agent's reads (the log holds them all)");
  if (!is_superuser)
    for (Step& step : quiet_log_steps(name, facts.text(0, 4), split_names(facts.value(0, 5))))
      steps.push_back(std::move(step));
  const std::string database = facts.text(0, 4);
  notes.push_back("pg_hba.conf must let " + role + " into the database " + database +
                  ", by a line above those that are for everybody:\n" + "     host  " + database + "  " + role +
                  "  <agent's address>/32  scram-sha-256\n" + "     local " + database + "  " + role +
                  "  peer          (on the server itself, as the system's user " + role + ")\n" +
                  "It needs none for the pseudo-database `replication`: with one, the role could copy the whole "
                  "cluster.");
  co_return steps;
}

}  // namespace tributary
