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
    table.filter_column_types.push_back(column->sql_type +
                                        (column->collation.empty() ? "" : " COLLATE " + column->collation));
  }
  table.replica_identity = facts.tree.back().replica_identity;
  table.identity_columns = facts.tree.back().identity_columns;
  table.is_partitioned = facts.is_partitioned;
  if (facts.is_partitioned)
    for (const TreeMember& part : facts.tree)
      if (part.is_leaf) table.leaves.push_back(part.oid);
  return table;
}

// What concerns the publication as a whole.
void require_whole(const PublicationFacts& publication, const Config& config) {
  const std::string name = "the publication " + config.publication();
  if (!publication.exists)
    throw Error(ErrorKind::setup, "the database has no publication " + config.publication(), kRunInit);
  if (publication.is_for_all_tables)
    throw Error(ErrorKind::setup, name + " holds every table of the database", kRunInit);
  if (publication.holds_schemas) throw Error(ErrorKind::setup, name + " holds whole schemas", kRunInit);
  if (!publication.has_right_options)
    throw Error(ErrorKind::setup, name + " does not hold every operation, or not under the root of partitioned tables",
                kRunInit);
}

bool is_missing(const PublicationMember& member, const std::string& column) {
  return !member.columns.empty() && !holds(member.columns, column);
}

void require_columns(const TableConfig& config, const TableFacts& facts, const PublicationMember& member) {
  for (const ColumnFacts& column : facts.columns) {
    const bool is_sent = !column.is_generated && (config.columns.empty() || holds(config.columns, column.name));
    if (is_sent && is_missing(member, column.name))
      throw Error(ErrorKind::setup, "column " + column.name + " of table " + facts.full_name() + " is not published",
                  kRunInit);
  }
}

// The old row of an update or delete tells its key, and whether the filter let it out.
void require_identities(const TableFacts& facts, const PublishedRecord& record) {
  std::vector<std::string> needed = facts.key_columns();
  for (const std::string& column : record.filter_columns)
    if (!holds(needed, column)) needed.push_back(column);
  for (const TreeMember& member : facts.tree)
    if (member.is_leaf && !identity_holds(member, needed))
      throw Error(ErrorKind::setup,
                  "the replica identity of " + dotted_name(member.schema, member.name) + " does not hold " +
                      name_list(needed) + ": the application's UPDATE and DELETE may fail, and cannot be sent on",
                  kRunInit);
}

// Throws Error(setup) where the table, or how it is published, is not what the configuration and init made it.
SourceTable prepared_table(const TableConfig& config, const TableFacts* facts, const PublishedRecord* record,
                           const PublicationMember* member) {
  const std::string what = "table " + config.full_name();
  if (!facts)
    throw Error(ErrorKind::setup, "there is no " + what,
                "make the table, or correct its name in the configuration, then run: tributary init");
  require_publishable(config, *facts);
  if (!record || !member) throw Error(ErrorKind::setup, what + " is not published", kRunInit);
  SourceTable table = source_table(config, *facts, *record, *member);
  if (record->row_filter != config.where || record->columns != config.columns ||
      record->publication_filter != member->filter)
    throw Error(ErrorKind::setup, what + " is not published as the configuration has it", kRunInit);
  require_columns(config, *facts, *member);
  require_identities(*facts, *record);
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

Task<std::vector<SourceTable>> read_replication_set(Connection& connection, const Config& config) {
  const PublicationFacts publication = co_await read_publication_facts(connection, config.publication());
  require_whole(publication, config);
  const auto records = co_await read_published_records(connection);
  std::vector<SourceTable> tables;
  for (const TableConfig& table : config.tables) {
    const auto facts = co_await read_table_facts(connection, table.schema, table.name,
                                                 completion_function_name(table.schema, table.name));
    const auto record = records.find(table.full_name());
    const auto member = facts ? publication.members.find(facts->oid) : publication.members.end();
    try {
      tables.push_back(prepared_table(table, facts ? &*facts : nullptr,
                                      record == records.end() ? nullptr : &record->second,
                                      member == publication.members.end() ? nullptr : &member->second));
    } catch (const Error& error) {
      SourceTable& unfit = tables.emplace_back();
      if (facts) unfit.oid = facts->oid;
      unfit.relation.schema = table.schema;
      unfit.relation.name = table.name;
      unfit.row_filter = table.where;
      unfit.trouble = {error.message(), error.hint()};
    }
    tables.back().publication_version = publication.version;
  }
  co_return tables;
}

Task<std::vector<SourceTable>> read_source_tables(Connection& connection, const Config& config) {
  std::vector<SourceTable> tables = co_await read_replication_set(connection, config);
  for (const SourceTable& table : tables) require_fit(table);
  const PublicationFacts publication = co_await read_publication_facts(connection, config.publication());
  if (publication.members.size() != config.tables.size())
    throw Error(ErrorKind::setup, "the publication " + config.publication() + " holds more than the configuration has",
                kRunInit);
  co_return tables;
}

void require_fit(const SourceTable& table) {
  if (!table.trouble.message.empty()) throw Error(ErrorKind::setup, table.trouble.message, table.trouble.hint);
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
