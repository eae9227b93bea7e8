#include <algorithm>
#include <iterator>

#include "source/preparation.h"

namespace tributary {
namespace {

Grant on_schema(const std::string& role, const std::string& schema, const std::string& why) {
  return {{"GRANT USAGE ON SCHEMA " + quote_name(schema) + " TO " + quote_name(role), why},
          "has_schema_privilege(" + quote_literal(role) + ", to_regnamespace(" + quote_literal(quote_name(schema)) +
              ")::oid, 'USAGE')"};
}

std::string has_table_right(const std::string& role, const std::string& quoted_table, const std::string& right) {
  return "has_table_privilege(" + quote_literal(role) + ", to_regclass(" + quote_literal(quoted_table) + ")::oid, '" +
         right + "')";
}

Grant on_table(const std::string& role, const std::string& quoted_table, const std::vector<std::string>& rights,
               const std::string& why) {
  std::string list, condition;
  for (const std::string& right : rights) {
    list += (list.empty() ? "" : ", ") + right;
    condition += (condition.empty() ? "" : " AND ") + has_table_right(role, quoted_table, right);
  }
  return {{"GRANT " + list + " ON " + quoted_table + " TO " + quote_name(role), why}, condition};
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

Grant on_columns(const std::string& role, const PreparedTable& table) {
  const std::string name = quote_name(table.facts.schema, table.facts.name);
  const std::vector<std::string> columns = columns_read(table);
  std::string condition;
  for (const std::string& column : columns)
    condition += (condition.empty() ? "" : " AND ") + std::string("has_column_privilege(") + quote_literal(role) +
                 ", to_regclass(" + quote_literal(name) + ")::oid, " + quote_literal(column) + ", 'SELECT')";
  return {{"GRANT SELECT (" + name_list(columns) + ") ON " + name + " TO " + quote_name(role),
           "the agent reads the columns that it sends, the key and what the filter needs"},
          condition};
}

void add_once(std::vector<Grant>& grants, Grant grant) {
  const auto is_same = [&](const Grant& other) { return other.step.statement == grant.step.statement; };
  if (std::none_of(grants.begin(), grants.end(), is_same)) grants.push_back(std::move(grant));
}

}  // namespace

std::vector<Grant> source_grants(const std::string& role, const std::string& database,
                                 const std::vector<PreparedTable>& tables) {
  std::vector<Grant> grants;
  grants.push_back({{"GRANT CONNECT, TEMPORARY ON DATABASE " + quote_name(database) + " TO " + quote_name(role),
                     "`check` has row filters parsed with an empty temporary table"},
                    "has_database_privilege(" + quote_literal(role) +
                        ", current_database(), 'CONNECT') AND"
                        " has_database_privilege(" +
                        quote_literal(role) + ", current_database(), 'TEMPORARY')"});
  const std::string state = "the agent keeps the state of its stream here";
  grants.push_back(on_schema(role, "tributary", state));
  grants.push_back(on_table(role, quote_name("tributary", "stream"), {"SELECT", "INSERT", "UPDATE", "DELETE"}, state));
  grants.push_back(on_table(role, quote_name("tributary", "published"), {"SELECT"}, state));
  grants.push_back({{"GRANT UPDATE (rows_not_copied) ON tributary.published TO " + quote_name(role), state},
                    "has_column_privilege(" + quote_literal(role) +
                        ", to_regclass('tributary.published')::oid, 'rows_not_copied', 'UPDATE')"});
  for (const PreparedTable& table : tables) {
    add_once(grants, on_schema(role, table.facts.schema, "the agent reads tables of this schema"));
    grants.push_back(on_columns(role, table));
    for (const std::string& name : table.plan.filter_columns) {
      const std::string& type = table.facts.column(name)->user_type;
      if (!type.empty())
        add_once(grants, on_schema(role, type.substr(0, type.find('.')), "a row filter uses a type of this schema"));
    }
    for (const UserFunction& function : table.filter_functions) {
      add_once(grants, on_schema(role, function.schema, "a row filter calls a function of this schema"));
      add_once(grants, {{"GRANT EXECUTE ON FUNCTION " + function.signature + " TO " + quote_name(role),
                         "the row filter of " + table.facts.full_name() + " calls it"},
                        "has_function_privilege(" + quote_literal(role) + ", to_regprocedure(" +
                            quote_literal(function.signature) + ")::oid, 'EXECUTE')"});
    }
  }
  return grants;
}

std::vector<Grant> parent_grants(const std::string& role, const std::vector<ParentTable>& tables) {
  std::vector<Grant> grants;
  const std::string state = "the position of each child, and how far it is refreshed, are kept here";
  grants.push_back(on_schema(role, "tributary", state));
  for (const char* table : {"applied", "walk", "stale", "extra"})
    grants.push_back(on_table(role, quote_name("tributary", table), {"SELECT", "INSERT", "UPDATE", "DELETE"}, state));
  grants.push_back({{"GRANT SET ON PARAMETER session_replication_role TO " + quote_name(role),
                     "foreign keys and triggers were enforced at the child; they are not again here"},
                    "has_parameter_privilege(" + quote_literal(role) + ", 'session_replication_role', 'SET')"});
  for (const ParentTable& table : tables) {
    add_once(grants, on_schema(role, table.schema, "children write tables of this schema"));
    for (const std::string& schema : table.schemas_used)
      add_once(grants, on_schema(role, schema, "tables that children write use types of this schema"));
    grants.push_back(on_table(role, quote_name(table.schema, table.name), {"SELECT", "INSERT", "UPDATE", "DELETE"},
                              "children write this table ([intake] tables)"));
    for (const std::string& sequence : table.sequences_used)
      add_once(grants, {{"GRANT USAGE ON SEQUENCE " + sequence + " TO " + quote_name(role),
                         "a column that only this database has takes its default from it"},
                        "has_sequence_privilege(" + quote_literal(role) + ", to_regclass(" + quote_literal(sequence) +
                            ")::oid, 'USAGE')"});
  }
  return grants;
}

Task<std::vector<Step>> missing_grants(Connection& connection, const std::string& role, std::vector<Grant> grants) {
  const Result exists = co_await connection.execute("SELECT FROM pg_roles WHERE rolname = $1", {role});
  std::vector<Step> steps;
  for (Grant& grant : grants) {
    bool is_given = false;
    if (exists.rows() > 0) {
      const Result answer = co_await connection.execute("SELECT coalesce(" + grant.is_given + ", false)", {});
      is_given = answer.boolean(0, 0);
    }
    if (!is_given) steps.push_back(std::move(grant.step));
  }
  co_return steps;
}

Task<std::vector<Step>> role_steps(Connection& connection, const std::string& role, bool captures,
                                   bool must_see_all_rows, std::vector<std::string>& notes) {
  const std::string name = quote_name(role);
  const Result facts = co_await connection.execute(
      "SELECT rolcanlogin, rolreplication, rolsuper, rolbypassrls,"
      " EXISTS (SELECT FROM pg_db_role_setting WHERE setrole = r.oid"
      "  AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
      "  AND setconfig::text LIKE '%log_min_error_statement=panic%'), quote_ident(current_database())"
      " FROM pg_database d LEFT JOIN pg_roles r ON r.rolname = $1 WHERE d.datname = current_database()",
      {role});
  const bool exists = !facts.is_null(0, 0);
  const bool is_superuser = facts.boolean(0, 2);
  std::vector<Step> steps;
  if (!exists) {
    steps.push_back({"CREATE ROLE " + name + " LOGIN" + (captures ? " REPLICATION" : ""), "the agent's own role"});
    notes.push_back("The role " + role + " has no password. Either give it one in psql (\\password " + role +
                    ") and in the agent's ~/.pgpass, or let pg_hba.conf accept it without (peer, cert).");
  } else {
    if (!facts.boolean(0, 0)) steps.push_back({"ALTER ROLE " + name + " LOGIN", "the agent logs in with this role"});
    if (captures && !facts.boolean(0, 1) && !is_superuser)
      steps.push_back({"ALTER ROLE " + name + " REPLICATION", "reading the write-ahead log asks for it"});
  }
  if (must_see_all_rows && !is_superuser && !facts.boolean(0, 3))
    steps.push_back({"ALTER ROLE " + name + " BYPASSRLS",
                     "row-level security would hide rows from the agent's reads (the log holds them all)"});
  if (!is_superuser && !facts.boolean(0, 4)) {
    std::string settings;
    for (const char* setting : {"log_error_verbosity = terse", "log_min_error_statement = panic",
                                "log_parameter_max_length = 0", "log_parameter_max_length_on_error = 0"})
      settings += (settings.empty() ? "" : ";\n") + ("ALTER ROLE " + name) + " IN DATABASE " + facts.text(0, 5) +
                  " SET " + setting;
    steps.push_back({settings, "row contents must not get into the server's log", false});
  }
  notes.push_back("pg_hba.conf must let " + role + " into the database " + facts.text(0, 5) +
                  ", by a line such as: host " + facts.text(0, 5) + " " + role +
                  " <agent's address> scram-sha-256. It needs no line for the pseudo-database `replication`.");
  co_return steps;
}

}  // namespace tributary
