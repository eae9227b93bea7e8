#include "source/catalogue.h"

#include <algorithm>

#include "source/completion.h"
#include "source/table_plan.h"

namespace tributary {
namespace {

constexpr char kRunInit[] = "run: tributary init";

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The tables of the FROM clause as the publication sees them: without those that merely inherit from an ordinary table.
std::string from_clause(const TableConfig& table, bool is_partitioned) {
  return (is_partitioned ? "" : "ONLY ") + quote_name(table.schema, table.name);
}

SourceTable source_table(const TableConfig& config, const TableFacts& facts, const PublishedRecord& record,
                         const PublicationMember& member) {
  SourceTable table;
  table.oid = facts.oid;
  table.membership_oid = member.oid;
  table.relation.schema = facts.schema;
  table.relation.name = facts.name;
  for (const ColumnFacts& column : facts.columns) {
    if (column.is_generated || (!member.columns.empty() && !holds(member.columns, column.name))) continue;
    table.relation.columns.push_back(
        {column.name, column.type_oid, column.user_type, column.type_modifier, column.key_position > 0});
    table.send.push_back(config.columns.empty() || holds(config.columns, column.name));
  }
  table.send_new_columns = config.columns.empty();
  table.row_filter = config.where;
  table.filter_in_publication = member.filter.has_value();
  table.evaluate_filter = !config.where.empty() && !member.filter;
  table.filter_columns = record.filter_columns;
  for (const std::string& name : record.filter_columns) {
    const ColumnFacts* column = facts.column(name);
    if (!column)
      throw Error(ErrorKind::setup,
                  "the row filter of " + facts.full_name() + " reads column " + name + ", which is gone",
                  "correct `where` in the configuration, then run: tributary init");
    table.filter_column_types.push_back(column->sql_type);
  }
  table.replica_identity = facts.tree.back().replica_identity;
  table.identity_columns = facts.tree.back().identity_columns;
  table.is_partitioned = facts.is_partitioned;
  return table;
}

}  // namespace

Relation SourceTable::sent_relation() const {
  Relation sent{relation.schema, relation.name, {}};
  for (size_t i = 0; i < relation.columns.size(); ++i)
    if (send[i]) sent.columns.push_back(relation.columns[i]);
  return sent;
}

Task<TransactionsInProgress> read_transactions_in_progress(Connection& connection) {
  const Result row = co_await connection.query(
      "SELECT pg_snapshot_xmin(s), pg_snapshot_xmin(s) = pg_snapshot_xmax(s) FROM pg_current_snapshot() s");
  co_return TransactionsInProgress{static_cast<uint32_t>(row.integer(0, 0)), row.boolean(0, 1)};
}

Task<std::vector<SourceTable>> read_source_tables(Connection& connection, const Config& config) {
  const PublicationFacts publication = co_await read_publication_facts(connection, config.publication());
  if (!publication.exists)
    throw Error(ErrorKind::setup, "the database has no publication " + config.publication(), kRunInit);
  const auto records = co_await read_published_records(connection);
  std::vector<SourceTable> tables;
  for (const TableConfig& table : config.tables) {
    const std::string name = table.full_name();
    const auto facts = co_await read_table_facts(connection, table.schema, table.name,
                                                 completion_function_name(table.schema, table.name));
    if (!facts)
      throw Error(ErrorKind::setup, "there is no table " + name,
                  "make the table, or correct its name in the configuration");
    require_publishable(table, *facts);
    const auto record = records.find(name);
    const auto member = publication.members.find(facts->oid);
    if (record == records.end() || member == publication.members.end())
      throw Error(ErrorKind::setup, "table " + name + " is not published", kRunInit);
    const PublishedRecord& prepared = record->second;
    if (prepared.row_filter != table.where || prepared.columns != table.columns ||
        prepared.publication_filter != member->second.filter)
      throw Error(ErrorKind::setup, "table " + name + " is not published as the configuration has it", kRunInit);
    tables.push_back(source_table(table, *facts, prepared, member->second));
  }
  if (publication.members.size() != config.tables.size() || publication.is_for_all_tables ||
      !publication.has_right_options)
    throw Error(ErrorKind::setup, "the publication " + config.publication() + " holds more than the configuration has",
                kRunInit);
  co_return tables;
}

Task<bool> has_stream_begun(Connection& connection, std::string node) {
  const Result exists = co_await connection.query("SELECT to_regclass('tributary.stream') IS NOT NULL");
  if (!exists.boolean(0, 0)) co_return false;
  const Result row = co_await connection.execute("SELECT FROM tributary.stream WHERE node = $1", {node});
  co_return row.rows() > 0;
}

Task<int64_t> count_matching_rows(Connection& connection, const TableConfig& table) {
  const Result kind = co_await connection.execute(
      "SELECT c.relkind = 'p' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE n.nspname = $1 AND c.relname = $2",
      {table.schema, table.name});
  if (kind.rows() == 0) throw Error(ErrorKind::setup, "there is no table " + table.full_name());
  const std::string where = table.where.empty() ? "" : " WHERE " + parenthesised(table.where);
  const Result count = co_await connection.execute(
      "SELECT count(*) FROM " + from_clause(table, kind.boolean(0, 0)) + " AS " + quote_name(table.name) + where, {});
  co_return count.integer(0, 0);
}

Task<> record_rows_not_copied(Connection& connection, const Config& config) {
  for (const TableConfig& table : config.tables) {
    // What PostgreSQL refuses of one table keeps no other waiting: the refresh will say it.
    std::optional<std::string> count;
    try {
      count = std::to_string(co_await count_matching_rows(connection, table));
    } catch (const Error& error) {
      const bool passes = error.kind() == ErrorKind::connection || error.kind() == ErrorKind::resource;
      if (passes || error.sqlstate().empty()) throw;
    }
    std::vector<std::optional<std::string>> params{table.schema, table.name, std::move(count)};
    co_await connection.execute(
        "UPDATE tributary.published SET rows_not_copied = $3::bigint WHERE table_schema = $1 AND table_name = $2",
        std::move(params));
  }
}

Task<> record_copied(Connection& connection, std::string schema, std::string table) {
  co_await connection.execute(
      "UPDATE tributary.published SET rows_not_copied = 0"
      " WHERE table_schema = $1 AND table_name = $2 AND rows_not_copied IS DISTINCT FROM 0",
      {schema, table});
}

Task<std::vector<int64_t>> read_rows_not_copied(Connection& connection, const Config& config) {
  const auto records = co_await read_published_records(connection);
  std::vector<int64_t> counts;
  for (const TableConfig& table : config.tables) {
    const auto record = records.find(table.full_name());
    counts.push_back(record == records.end() ? -1 : record->second.rows_not_copied.value_or(-1));
  }
  co_return counts;
}

}  // namespace tributary
