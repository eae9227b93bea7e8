#include "source/preparation.h"

#include <algorithm>

#include "postgres/session_settings.h"
#include "source/notes.h"
#include "source/taken_names.h"
#include "sql.h"

namespace tributary {
namespace {

std::string role_of(const std::string& conninfo, const char* what) {
  std::string role = connection_parameters(conninfo, Purpose::session, "").get("user");
  if (role.empty())
    throw Error(ErrorKind::config, std::string("[database] ") + what + " names no role", "add user=tributary to it");
  return role;
}

std::string target(const PreparedTable& table) {
  std::string text = (table.facts.is_partitioned ? "" : "ONLY ") + quote_name(table.facts.schema, table.facts.name);
  if (!table.plan.published_columns.empty()) text += " (" + name_list(table.plan.published_columns) + ")";
  if (table.plan.publication_filter) text += " WHERE " + parenthesised(table.config.where);
  return text;
}

bool is_published_so(const PublicationFacts& facts, const PreparedTable& table) {
  const auto member = facts.members.find(table.facts.oid);
  return member != facts.members.end() && member->second.filter == table.plan.publication_filter &&
         member->second.columns == table.plan.published_columns;
}

void append(std::vector<Step>& to, std::vector<Step> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

// What a table needs before it is published: its identity, and a trigger, which is several statements.
void append_alone(std::vector<Step>& to, TableSteps from) {
  append(to, std::move(from.identities));
  if (!from.completion.empty()) to.push_back(in_one_transaction(from.completion));
}

}  // namespace

std::string source_role(const Config& config) {
  return role_of(config.database.connection, "connection");
}

std::string parent_role(const Config& config) {
  return config.database.apply_connection.empty() ? source_role(config)
                                                  : role_of(config.database.apply_connection, "apply_connection");
}

std::vector<Step> publication_steps(const std::string& publication, const PublicationFacts& facts,
                                    const std::vector<PreparedTable>& tables) {
  const std::string name = quote_name(publication);
  const std::string options = " (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)";
  std::string list;
  for (const PreparedTable& table : tables) list += (list.empty() ? "\n  " : ",\n  ") + target(table);
  const std::string create =
      "CREATE PUBLICATION " + name + (list.empty() ? "" : " FOR TABLE" + list) + "\n  WITH" + options;
  if (!facts.exists)
    return {
        {create, "the agent captures what this publication holds, and nothing else", true, {{"publication", name}}}};
  if (facts.is_for_all_tables)
    return {{"BEGIN;\nDROP PUBLICATION " + name + ";\n" + create + ";\nCOMMIT",
             "the publication holds every table of the database, drafts included"}};
  std::vector<Step> steps;
  const bool is_right =
      !facts.holds_schemas && facts.members.size() == tables.size() &&
      std::all_of(tables.begin(), tables.end(), [&](const auto& t) { return is_published_so(facts, t); });
  if (!is_right)
    steps.push_back(
        {"ALTER PUBLICATION " + name + " SET TABLE" + list, "the publication is not what the configuration has"});
  if (!facts.has_right_options)
    steps.push_back({"ALTER PUBLICATION " + name + " SET" + options,
                     "the publication must hold every operation, and partitions under their root's name"});
  return steps;
}

Task<std::vector<Step>> undo_steps(Connection& connection) {
  const Result undo = co_await connection.query("SELECT to_regclass('tributary.undo') IS NOT NULL");
  std::vector<Step> steps;
  if (!undo.boolean(0, 0))
    steps.push_back({sql::undo, "what is changed from here on is recorded, for `tributary remove`"});
  co_return steps;
}

Task<PreparedTable> plan_source_table(Connection& connection, const TableConfig& config, const PublishedRecord* record,
                                      Viewer viewer) {
  PreparedTable table;
  table.config = config;
  auto facts = co_await read_table_facts(connection, config.schema, config.name,
                                         completion_function_name(config.schema, config.name));
  if (!facts)
    throw Error(ErrorKind::setup, "there is no table " + config.full_name(),
                "make the table, or correct its name in the configuration");
  table.facts = std::move(*facts);
  require_publishable(config, table.facts);
  std::optional<RowFilter> filter;
  std::optional<std::string> accepted;
  if (!config.where.empty()) {
    filter = co_await analyse_row_filter(connection, table.facts, config.where);
    table.filter_functions = filter->functions;
    if (viewer == Viewer::administrator)
      accepted = co_await publication_filter(connection, table.facts, config.where);
    else if (record && record->row_filter == config.where)
      accepted = record->publication_filter;
    else
      throw Error(ErrorKind::setup, "table " + config.full_name() + " is not prepared for its row filter",
                  "run: tributary init");
  }
  table.plan = plan_table(config, table.facts, filter ? &*filter : nullptr, accepted, record);
  co_return table;
}

Task<Preparation> prepare_source(Connection& connection, const Config& config, Viewer viewer) {
  Preparation preparation;
  std::vector<Step>& steps = preparation.steps;
  const std::string role = source_role(config);
  const Result schema = co_await connection.query(
      "SELECT to_regclass('tributary.stream') IS NOT NULL AND to_regclass('tributary.published') IS NOT NULL"
      " AND to_regproc('tributary.prepare_partitions') IS NOT NULL AND to_regclass('tributary.undo') IS NOT NULL,"
      " current_database()");
  append(steps, co_await undo_steps(connection));
  if (!schema.boolean(0, 0)) steps.push_back({sql::source, "the agent keeps its stream's name in the database"});

  const auto records = co_await read_published_records(connection);
  const PublicationFacts publication = co_await read_publication_facts(connection, config.publication());
  std::vector<PreparedTable> tables;
  bool hides_rows = false;
  std::vector<Step> indexes, leftovers, kept_records;
  std::vector<TableSteps> published_already, not_yet_published;
  for (const TableConfig& table_config : config.tables) {
    const auto found = records.find(table_config.full_name());
    const PublishedRecord* record = found == records.end() ? nullptr : &found->second;
    tables.push_back(co_await plan_source_table(connection, table_config, record, viewer));
    const PreparedTable& table = tables.back();
    hides_rows = hides_rows || table.facts.has_row_security;
    TableSteps table_steps = steps_of(table.plan, table.facts, record);
    append(kept_records, record_steps(table_config, table.plan, table.facts, record));
    append(indexes, co_await free_index_name(connection, table.facts, table.plan));
    append(indexes, std::move(table_steps.indexes));
    append(leftovers, std::move(table_steps.leftovers));
    (publication.members.contains(table.facts.oid) ? published_already : not_yet_published).push_back(table_steps);
    for (std::string& note : notes_on(table, config.publication())) preparation.notes.push_back(std::move(note));
  }

  append(steps, co_await role_steps(connection, role, true, hides_rows, preparation.notes));
  append(steps, co_await missing_grants(connection, role, source_grants(role, schema.text(0, 1), tables)));
  append(steps, std::move(kept_records));
  append(steps, std::move(indexes));
  for (TableSteps& table : not_yet_published) append_alone(steps, std::move(table));
  const bool is_any_partitioned =
      std::any_of(tables.begin(), tables.end(), [](const PreparedTable& table) { return table.facts.is_partitioned; });
  const Result trigger = co_await connection.query(
      "SELECT FROM pg_event_trigger WHERE evtname = 'tributary_prepare_partitions' AND evtenabled IN ('O', 'A')");
  if (is_any_partitioned && trigger.rows() == 0)
    steps.push_back(
        {"DROP EVENT TRIGGER IF EXISTS tributary_prepare_partitions;\n"
         "CREATE EVENT TRIGGER tributary_prepare_partitions ON ddl_command_end\n"
         "  WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION tributary.prepare_partitions()",
         "partitions made later need their root's replica identity, or the application's UPDATE fails",
         true,
         {{"event trigger", "tributary_prepare_partitions"}}});
  std::vector<Step> published = publication_steps(config.publication(), publication, tables);
  if (published.empty()) {
    for (TableSteps& table : published_already) append_alone(steps, std::move(table));
  } else {
    // The publication that is there watches these tables: between a new identity and a new filter every UPDATE of the
    // application would fail, and between a new trigger and a new filter a row could leave without its large values.
    std::vector<Step> together;
    for (TableSteps& table : published_already) {
      append(together, std::move(table.identities));
      append(together, std::move(table.completion));
    }
    append(together, std::move(published));
    steps.push_back(together.size() == 1 ? together.front() : in_one_transaction(together));
  }
  append(steps, std::move(leftovers));
  co_return preparation;
}

}  // namespace tributary
