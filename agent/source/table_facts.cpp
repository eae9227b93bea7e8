#include "source/table_facts.h"

#include <algorithm>

#include "source/column_bounds.h"

namespace tributary {
namespace {

constexpr char kTable[] = R"(
SELECT c.oid, c.relkind, c.relpersistence, c.relrowsecurity, coalesce(k.indimmediate, true)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index k ON k.indrelid = c.oid AND k.indisprimary
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p'))";

// An index lists its INCLUDE columns behind its key columns: no part of the key, nor of a replica identity. A slice
// counts from 1.
// The bytes that a value has in an index at most follow from the type, a domain's base type, or CHECKs, which are left
// to column_bounds.h: those on this column alone, and validated, where equal texts are equal bytes.
constexpr char kColumns[] = R"(
WITH RECURSIVE typed AS (
  SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier, 0 AS depth FROM pg_attribute a
  WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT b.attnum, t.typbasetype, t.typtypmod, b.depth + 1 FROM typed b JOIN pg_type t ON t.oid = b.type
  WHERE t.typtype = 'd'),
base AS (SELECT DISTINCT ON (attnum) attnum, type, modifier FROM typed ORDER BY attnum, depth DESC)
SELECT a.attname, a.atttypid, CASE WHEN t.oid >= 16384 THEN tn.nspname || '.' || t.typname END,
  format_type(a.atttypid, a.atttypmod), a.atttypmod, a.attnotnull, a.attgenerated <> '',
  CASE WHEN bt.typtype = 'e' THEN 4
    WHEN b.type IN (1042, 1043) AND b.modifier >= 4
      THEN 4 + (b.modifier - 4) * pg_encoding_max_length((SELECT encoding FROM pg_database
                                                          WHERE datname = current_database()))
    WHEN b.type = 1700 AND b.modifier >= 4 THEN 12 + (((b.modifier - 4) >> 16) & 65535) / 2
    WHEN b.type IN (650, 869) THEN 24
    WHEN b.type IN (1560, 1562) AND b.modifier >= 0 THEN 9 + b.modifier / 8
    WHEN bt.typlen > 0 AND EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
      WHERE m.amname = 'btree' AND o.opcdefault AND o.opcintype = b.type) THEN bt.typlen END,
  a.atttypid IN (25, 1043), a.atttypid = 17, a.attlen = -1 AND a.attstorage <> 'p',
  coalesce(array_position((k.indkey::int2[])[0:k.indnkeyatts - 1], a.attnum), 0),
  coalesce((SELECT collisdeterministic FROM pg_collation WHERE oid = a.attcollation), true),
  CASE WHEN b.type IN (25, 1043)
      AND (SELECT collisdeterministic FROM pg_collation co WHERE co.oid = a.attcollation) THEN
    (SELECT string_agg(pg_get_constraintdef(o.oid), E'\x1f') FROM pg_constraint o
     WHERE o.contype = 'c' AND o.convalidated AND o.conrelid = a.attrelid AND o.conkey = ARRAY[a.attnum]) END,
  CASE WHEN b.type IN (25, 1043)
      AND (SELECT collisdeterministic FROM pg_collation co WHERE co.oid = a.attcollation) THEN
    (SELECT string_agg(pg_get_constraintdef(o.oid), E'\x1f') FROM typed d JOIN pg_constraint o ON o.contypid = d.type
     WHERE d.attnum = a.attnum AND o.contype = 'c' AND o.convalidated) END,
  pg_encoding_max_length((SELECT encoding FROM pg_database WHERE datname = current_database())),
  (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname) FROM pg_collation co
   JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation AND a.attcollation <> t.typcollation)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
JOIN base b ON b.attnum = a.attnum JOIN pg_type bt ON bt.oid = b.type
LEFT JOIN pg_index k ON k.indrelid = a.attrelid AND k.indisprimary
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)";

// ANALYZE counts the rows, and the large values' pages only VACUUM: so their size is asked for.
constexpr char kRowBytes[] = R"(
SELECT (sum(pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0))
        / nullif(sum(c.reltuples), 0))::bigint
FROM pg_class c WHERE c.relkind = 'r' AND c.reltuples > 0
  AND (c.oid = $1::oid OR c.oid IN (SELECT relid FROM pg_partition_tree($1::oid::regclass))))";

constexpr char kTree[] = R"(
SELECT c.oid, n.nspname, c.relname, t.isleaf, pn.nspname, pc.relname, c.relreplident, xc.relname,
  (SELECT string_agg(a.attname, E'\x1f' ORDER BY array_position(x.indkey::int2[], a.attnum))
   FROM pg_attribute a
   WHERE a.attrelid = c.oid AND a.attnum = ANY ((x.indkey::int2[])[0:x.indnkeyatts - 1])),
  c.relpersistence <> 'p'
FROM (SELECT relid::oid, parentrelid::oid, isleaf, level FROM pg_partition_tree($1::oid::regclass)
      UNION SELECT $1::oid, NULL, true, 0
      WHERE NOT EXISTS (SELECT FROM pg_partition_tree($1::oid::regclass))) t
JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class pc ON pc.oid = t.parentrelid AND t.level > 0
LEFT JOIN pg_namespace pn ON pn.oid = pc.relnamespace
LEFT JOIN pg_index x ON x.indrelid = c.oid AND x.indimmediate AND x.indisvalid
  AND CASE c.relreplident WHEN 'd' THEN x.indisprimary WHEN 'i' THEN x.indisreplident ELSE false END
LEFT JOIN pg_class xc ON xc.oid = x.indexrelid
ORDER BY t.level, n.nspname, c.relname)";

constexpr char kIndexes[] = R"(
SELECT ic.relname, x.indisvalid OR c.relkind = 'p', ic.relispartition,
  (SELECT rc.relname FROM pg_class rc WHERE rc.oid = pg_partition_root(ic.oid) AND ic.relispartition)
FROM pg_index x JOIN pg_class ic ON ic.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
WHERE x.indrelid = $1::oid)";

// tgtype: 1 row, 2 before, 16 update. Triggers of one event fire in the byte order of their names.
constexpr char kCompletion[] = R"(
SELECT obj_description(t.oid, 'pg_trigger'), t.tgenabled, coalesce(p.prosrc, ''),
  (SELECT o.tgname FROM pg_trigger o WHERE o.tgrelid = t.tgrelid AND NOT o.tgisinternal AND (o.tgtype & 19) = 19
     AND o.tgname > t.tgname ORDER BY o.tgname DESC LIMIT 1)
FROM pg_trigger t
LEFT JOIN pg_proc p ON p.oid = t.tgfoid AND p.proname = $2 AND p.pronamespace = to_regnamespace('tributary')
WHERE t.tgrelid = $1::oid AND t.tgname = 'zzz_tributary_complete')";

constexpr char kPublicationMembers[] = R"(
SELECT r.prrelid, n.nspname, c.relname, pg_get_expr(r.prqual, r.prrelid),
  (SELECT string_agg(a.attname, E'\x1f' ORDER BY a.attnum) FROM pg_attribute a
   WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[])), r.oid
FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.pubname = $1)";

void bound(ColumnFacts& column, std::optional<int64_t> bytes) {
  constexpr int64_t kValueHeaderBytes = 4;
  if (bytes) column.index_bytes_max = std::min(column.index_bytes_max.value_or(INT64_MAX), *bytes + kValueHeaderBytes);
}

Task<std::vector<ColumnFacts>> read_columns(Connection& connection, std::string oid) {
  const Result rows = co_await connection.execute(kColumns, {oid});
  std::vector<ColumnFacts> columns;
  for (int i = 0; i < rows.rows(); ++i) {
    ColumnFacts column;
    column.name = rows.text(i, 0);
    column.type_oid = static_cast<uint32_t>(rows.integer(i, 1));
    column.user_type = rows.text(i, 2);
    column.sql_type = rows.text(i, 3);
    column.type_modifier = static_cast<int32_t>(rows.integer(i, 4));
    column.is_not_null = rows.boolean(i, 5);
    column.is_generated = rows.boolean(i, 6);
    if (!rows.is_null(i, 7)) column.index_bytes_max = 4 + rows.integer(i, 7);
    const int bytes_per_character = static_cast<int>(rows.integer(i, 15));
    for (const std::string& check : split_names(rows.value(i, 13)))
      bound(column, bytes_bound_of_check(column.name, check, bytes_per_character));
    for (const std::string& check : split_names(rows.value(i, 14)))
      bound(column, bytes_bound_of_check("VALUE", check, bytes_per_character));
    column.is_text = rows.boolean(i, 8);
    column.is_bytea = rows.boolean(i, 9);
    column.is_toastable = rows.boolean(i, 10);
    column.key_position = static_cast<int>(rows.integer(i, 11));
    column.is_collation_deterministic = rows.boolean(i, 12);
    column.collation = rows.text(i, 16);
    columns.push_back(std::move(column));
  }
  co_return columns;
}

Task<std::vector<TreeMember>> read_tree(Connection& connection, std::string oid) {
  const Result rows = co_await connection.execute(kTree, {oid});
  std::vector<TreeMember> tree;
  for (int i = 0; i < rows.rows(); ++i) {
    TreeMember member;
    member.oid = static_cast<uint32_t>(rows.integer(i, 0));
    member.schema = rows.text(i, 1);
    member.name = rows.text(i, 2);
    member.is_leaf = rows.boolean(i, 3);
    member.parent_schema = rows.text(i, 4);
    member.parent_name = rows.text(i, 5);
    member.replica_identity = rows.value(i, 6).at(0);
    member.identity_index = rows.text(i, 7);
    member.identity_columns = split_names(rows.value(i, 8));
    member.is_unlogged = rows.boolean(i, 9);
    const Result indexes = co_await connection.execute(kIndexes, {rows.text(i, 0)});
    for (int j = 0; j < indexes.rows(); ++j)
      member.indexes[indexes.text(j, 0)] = {indexes.boolean(j, 1), indexes.boolean(j, 2), indexes.text(j, 3)};
    tree.push_back(std::move(member));
  }
  co_return tree;
}

}  // namespace

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const auto end = std::min(text.find(kNameSeparator), text.size());
    names.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

const ColumnFacts* TableFacts::column(const std::string& column_name) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == column_name; });
  return found == columns.end() ? nullptr : &*found;
}

std::vector<std::string> TableFacts::key_columns() const {
  std::vector<std::string> key;
  for (int position = 1;; ++position) {
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [&](const auto& column) { return column.key_position == position; });
    if (found == columns.end()) return key;
    key.push_back(found->name);
  }
}

Task<std::optional<TableFacts>> read_table_facts(Connection& connection, std::string schema, std::string name,
                                                 std::string completion_function) {
  const Result table = co_await connection.execute(kTable, {schema, name});
  if (table.rows() == 0) co_return std::nullopt;
  TableFacts facts;
  const std::string oid = table.text(0, 0);
  facts.oid = static_cast<uint32_t>(table.integer(0, 0));
  facts.schema = schema;
  facts.name = name;
  facts.is_partitioned = table.value(0, 1) == "p";
  facts.is_unlogged = table.value(0, 2) != "p";
  facts.has_row_security = table.boolean(0, 3);
  facts.key_is_immediate = table.boolean(0, 4);
  facts.columns = co_await read_columns(connection, oid);
  facts.tree = co_await read_tree(connection, oid);
  const Result row_bytes = co_await connection.execute(kRowBytes, {oid});
  if (!row_bytes.is_null(0, 0)) facts.row_bytes = row_bytes.integer(0, 0);

  const Result completion = co_await connection.execute(kCompletion, {oid, completion_function});
  if (completion.rows() > 0) {
    facts.completion.exists = true;
    facts.completion.definition_mark = completion.text(0, 0);
    facts.completion.enabled = completion.value(0, 1).at(0);
    facts.completion.function_body = completion.text(0, 2);
    facts.completion.later_trigger = completion.text(0, 3);
  }
  co_return facts;
}

Task<PublicationFacts> read_publication_facts(Connection& connection, std::string publication) {
  PublicationFacts facts;
  const Result options = co_await connection.execute(
      "SELECT pubviaroot AND pubinsert AND pubupdate AND pubdelete AND pubtruncate"
      ", EXISTS (SELECT FROM pg_publication_namespace WHERE pnpubid = p.oid), puballtables, xmin"
      " FROM pg_publication p WHERE pubname = $1",
      {publication});
  if (options.rows() == 0) co_return facts;
  facts.exists = true;
  facts.has_right_options = options.boolean(0, 0);
  facts.holds_schemas = options.boolean(0, 1);
  facts.is_for_all_tables = options.boolean(0, 2);
  facts.version = options.text(0, 3);
  const Result rows = co_await connection.execute(kPublicationMembers, {publication});
  for (int i = 0; i < rows.rows(); ++i) {
    PublicationMember member{rows.text(i, 1), rows.text(i, 2), std::nullopt, split_names(rows.value(i, 4)),
                             static_cast<uint32_t>(rows.integer(i, 5))};
    if (!rows.is_null(i, 3)) member.filter = rows.text(i, 3);
    facts.members.emplace(static_cast<uint32_t>(rows.integer(i, 0)), std::move(member));
  }
  co_return facts;
}

Task<std::map<std::string, PublishedRecord>> read_published_records(Connection& connection) {
  std::map<std::string, PublishedRecord> records;
  const Result exists = co_await connection.query("SELECT to_regclass('tributary.published') IS NOT NULL");
  if (!exists.boolean(0, 0)) co_return records;
  const Result rows = co_await connection.query(
      "SELECT table_schema, table_name, row_filter, publication_filter, array_to_string(filter_columns, E'\\x1f'),"
      " array_to_string(columns, E'\\x1f'), identity, identity_index, former_identity, rows_not_copied"
      " FROM tributary.published");
  for (int i = 0; i < rows.rows(); ++i) {
    PublishedRecord record;
    record.row_filter = rows.text(i, 2);
    if (!rows.is_null(i, 3)) record.publication_filter = rows.text(i, 3);
    record.filter_columns = split_names(rows.value(i, 4));
    record.columns = split_names(rows.value(i, 5));
    record.identity = rows.text(i, 6);
    record.identity_index = rows.text(i, 7);
    record.former_identity = rows.text(i, 8);
    if (!rows.is_null(i, 9)) record.rows_not_copied = rows.integer(i, 9);
    records.emplace(dotted_name(rows.text(i, 0), rows.text(i, 1)), std::move(record));
  }
  co_return records;
}

}  // namespace tributary
