#include "refresh/chunk_query.h"

#include <set>

#include "postgres/connection.h"
#include "postgres/key_range.h"
#include "postgres/row_digest.h"

namespace tributary {
namespace {

// bool, "char", int8, int2, int4, oid, float4, float8, date, time, timestamp, timestamptz, interval, timetz, uuid
const std::set<uint32_t> kSmallTypes = {16, 18, 20, 21, 23, 26, 700, 701, 1082, 1083, 1114, 1184, 1186, 1266, 2950};

std::string column_name(size_t place) {
  return "c" + std::to_string(place + 1);
}

// Qualified: an output column may bear the same name.
std::string table_column(const ChunkTable& table, size_t place) {
  return quote_name(table.relation.name) + "." + quote_name(table.relation.columns[place].name);
}

// With the columns' output names.
std::string select_list(const ChunkTable& table) {
  std::string columns;
  for (size_t i = 0; i < table.relation.columns.size(); ++i)
    columns += (i ? ", " : "") + table_column(table, i) + " AS " + column_name(i);
  return columns;
}

// `columns` as read from `rows`, behind the snapshot's row.
std::string with_snapshot(const ChunkTable& table, const std::vector<std::string>& columns, const std::string& rows,
                          const std::string& found = "NULL") {
  std::string names, no_values;
  for (const std::string& column : columns) {
    names += ", " + column;
    no_values += ", NULL";
  }
  return "SELECT pg_current_snapshot(), " + described_by(table) + no_values + " UNION ALL SELECT NULL, " + found +
         names + " FROM " + rows;
}

}  // namespace

std::vector<size_t> ChunkTable::key() const {
  std::vector<size_t> places;
  for (size_t i = 0; i < relation.columns.size(); ++i)
    if (relation.columns[i].is_key) places.push_back(i);
  return places;
}

std::vector<size_t> ChunkTable::large_columns() const {
  std::vector<size_t> places;
  for (size_t i = 0; i < relation.columns.size(); ++i)
    if (!kSmallTypes.contains(relation.columns[i].type_oid)) places.push_back(i);
  return places;
}

std::string described_by(const ChunkTable& table) {
  const std::string oid = std::to_string(table.oid);
  return "(SELECT format('%s (%s) key %s', " + oid +
         "::regclass, string_agg(format('%L %s %s', attname, atttypid, atttypmod), ', ' ORDER BY attnum),"
         " (SELECT indkey FROM pg_index WHERE indrelid = " +
         oid + " AND indisprimary)) FROM pg_attribute WHERE attrelid = " + oid +
         " AND attnum > 0 AND NOT attisdropped)"
         " || (SELECT format(' where %L', pg_get_expr(prqual, prrelid)) FROM pg_publication_rel r"
         " JOIN pg_publication p ON p.oid = r.prpubid WHERE prrelid = " +
         oid + " AND pubname = " + quote_literal(table.publication) + ")";
}

std::string plan_query(const ChunkTable& table) {
  const std::string oid = std::to_string(table.oid);
  std::string sql = "SELECT " + described_by(table) + ", (SELECT relkind = 'r' FROM pg_class WHERE oid = " + oid +
                    ") AND has_column_privilege(" + oid + ", 'ctid', 'SELECT')";
  for (const size_t place : table.key())
    sql += ", (SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = " + oid +
           " AND attname = " + quote_literal(table.relation.columns[place].name) + ")";
  return sql;
}

std::string estimate_query(const ChunkTable& table) {
  return "EXPLAIN (FORMAT JSON) SELECT FROM " + table.from +
         (table.filter.empty() ? "" : " WHERE " + table.filter + " IS TRUE");
}

std::string range_query(const ChunkTable& table, ReadWhat what, bool is_after_key, const ChunkSize& size) {
  KeyOrder key{{}, table.is_utf8};
  std::vector<std::string> bound, all, keys;
  for (const size_t place : table.key()) {
    key.parts.push_back(
        {table_column(table, place), table.relation.columns[place].type_oid, table.key_types[bound.size()]});
    bound.push_back("$" + std::to_string(bound.size() + 1));
    keys.push_back(column_name(place));
  }
  for (size_t i = 0; i < table.relation.columns.size(); ++i) all.push_back(column_name(i));
  std::string where;
  if (!table.filter.empty()) where = " WHERE " + table.filter + " IS TRUE";
  if (is_after_key) where += (where.empty() ? " WHERE " : " AND ") + key.is_after(bound);
  std::string rows = "(SELECT " + select_list(table) + " FROM " + table.from + where + " ORDER BY " + key.order() +
                     " LIMIT " + std::to_string(size.rows) + ") AS r";
  if (const std::vector<size_t> large = table.large_columns(); !large.empty()) {
    // The size of a value that lies outside the row is known without reading it.
    std::string bytes;
    for (const size_t place : large)
      bytes += (bytes.empty() ? "" : " + ") + std::string("coalesce(pg_column_size(") + column_name(place) + "), 0)";
    rows = "(SELECT *, row_number() OVER w AS place, sum(" + bytes +
           ") OVER w AS bytes, count(*) OVER () AS found FROM " + rows +
           " WINDOW w AS (ROWS UNBOUNDED PRECEDING)) AS s WHERE place = 1 OR bytes <= " + std::to_string(size.bytes);
  }
  const std::string found = table.large_columns().empty() ? "NULL" : "found::text";
  if (what == ReadWhat::rows) return with_snapshot(table, all, rows, found);
  keys.push_back(row_md5(all, table.is_utf8));
  return with_snapshot(table, keys, rows, found);
}

std::string file_query(const ChunkTable& table) {
  return "SELECT pg_relation_size(oid, 'main') / current_setting('block_size')::bigint, reltoastrelid <> 0 AND"
         " pg_relation_size(reltoastrelid, 'main') > 0 FROM pg_class WHERE oid = " +
         std::to_string(table.oid);
}

namespace {

std::string rows_of_pages(const ChunkTable& table, uint64_t begin, uint64_t end) {
  const std::string place = quote_name(table.relation.name) + ".ctid";
  const auto bound = [](uint64_t page) { return "'(" + std::to_string(page) + ",0)'::tid"; };
  return table.from + " WHERE " + place + " >= " + bound(begin) + " AND " + place + " < " + bound(end) +
         (table.filter.empty() ? "" : " AND " + table.filter + " IS TRUE");
}

}  // namespace

std::string pages_query(const ChunkTable& table, uint64_t begin, uint64_t end) {
  std::vector<std::string> all;
  for (size_t i = 0; i < table.relation.columns.size(); ++i) all.push_back(column_name(i));
  return with_snapshot(table, all,
                       "(SELECT " + select_list(table) + " FROM " + rows_of_pages(table, begin, end) + ") AS r");
}

std::string page_sizes_query(const ChunkTable& table, uint64_t begin, uint64_t end) {
  std::string bytes = "0";
  for (const size_t place : table.large_columns())
    bytes += " + coalesce(pg_column_size(" + table_column(table, place) + "), 0)";
  return "SELECT (" + quote_name(table.relation.name) + ".ctid::text::point)[0]::bigint, sum(" + bytes + ") FROM " +
         rows_of_pages(table, begin, end) + " GROUP BY 1 ORDER BY 1";
}

std::string keys_query(const ChunkTable& table) {
  std::vector<std::string> all;
  std::string key, wanted;
  for (size_t i = 0; i < table.relation.columns.size(); ++i) all.push_back(column_name(i));
  const std::vector<size_t> places = table.key();
  for (size_t i = 0; i < places.size(); ++i) {
    key += (i ? ", " : "") + table_column(table, places[i]);
    wanted += (i ? ", unnest($" : "unnest($") + std::to_string(i + 1) + "::text[])::" + table.key_types[i];
  }
  const std::string filter = table.filter.empty() ? "" : " AND " + table.filter + " IS TRUE";
  return with_snapshot(table, all,
                       "(SELECT " + select_list(table) + " FROM " + table.from + " WHERE (" + key + ") IN (SELECT " +
                           wanted + ")" + filter + ") AS r");
}

}  // namespace tributary
