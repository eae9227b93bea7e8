#include "apply/refresh_statements.h"

#include "postgres/key_range.h"
#include "postgres/row_digest.h"

namespace tributary {

void add_walked_patches(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows,
                        const std::vector<std::string_view>& walked_to) {
  if (rows.empty() || walked_to.empty()) return;
  RowSource source(rows);
  const std::string match = same_key(shape, source);
  const PatchSql patch = patch_sql(shape, rows, source);
  if (patch.set.empty()) return;
  const std::string is_walked = key_order_of(shape, source).is_up_to(source.texts(walked_to));
  out.add("WITH w AS MATERIALIZED (SELECT * FROM " + source.from() + " WHERE " + is_walked + "), u AS (UPDATE " +
              existing_rows(shape) + " SET " + patch.set + " FROM w AS s WHERE " + match + patch.where +
              " RETURNING 1) SELECT (SELECT count(*) FROM w) - (SELECT count(*) FROM u)",
          Expect::counts, 0, source.take_params(), false);
}

void add_refreshed(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows) {
  if (rows.empty()) return;
  RowSource source(rows);
  std::string names, values, set, before, after;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    const Shape::Column& column = shape.columns[i];
    names += (i ? ", " : "") + column.name;
    values += (i ? ", " : "") + source.value(shape, i) + " AS " + column.name;
    if (column.is_key) continue;
    set += (set.empty() ? "" : ", ") + column.name + " = excluded." + column.name;
    before += (before.empty() ? "t." : ", t.") + column.name;
    after += (after.empty() ? "excluded." : ", excluded.") + column.name;
  }
  const bool is_limited = !shape.owns.empty();
  std::string sql = "INSERT INTO " + shape.table + " AS t (" + names + ")" +
                    (shape.overrides_identity ? " OVERRIDING SYSTEM VALUE " : " ") + "SELECT n.* FROM (SELECT " +
                    values + " FROM " + source.from() + ") AS n" +
                    (is_limited ? " WHERE " + owned(shape, "SELECT n.*") : "") + " ON CONFLICT (" + key_list(shape) +
                    ") DO ";
  // By their bytes: 1.0 is not 1.00, and not every type has an equality.
  sql += set.empty() ? "NOTHING"
                     : "UPDATE SET " + set + " WHERE ROW(" + before + ")::record *<> ROW(" + after + ")::record";
  if (is_limited && !set.empty()) sql += " AND " + owned(shape, "SELECT t.*");
  out.add(std::move(sql), Expect::at_most, rows.size(), source.take_params());
  if (!is_limited) return;
  // What is not the child's, as it was or as it is to be, was skipped in silence.
  RowSource written(rows);
  const std::string match = same_key(shape, written);
  std::string row_after;
  for (size_t i = 0; i < shape.columns.size(); ++i)
    row_after += (i ? ", " : "") + written.value(shape, i) + " AS " + shape.columns[i].name;
  out.add("SELECT count(*) FROM " + existing_rows(shape) + " JOIN " + written.from() + " ON " + match + " WHERE " +
              owned(shape, "SELECT t.*") + " AND " + owned(shape, "SELECT " + row_after),
          Expect::counts, rows.size(), written.take_params());
}

std::string in_range(const Shape& shape, const KeyRange& range, RowSource& source) {
  const KeyOrder order = key_order_of(shape);
  std::string sql = shape.owns.empty() ? "true" : owned(shape, "SELECT t.*");
  if (!range.after.empty()) sql += " AND " + order.is_after(source.texts(range.after));
  if (!range.up_to.empty()) sql += " AND " + order.is_up_to(source.texts(range.up_to));
  return sql;
}

std::string others(const Shape& shape, const KeyRange& range, RowSource& source) {
  const std::string condition = in_range(shape, range, source);
  const std::string match = same_key(shape, source);
  return condition + " AND NOT EXISTS (SELECT FROM " + source.from() + " WHERE " + match + ")";
}

namespace {

std::string keys_as_sent(const Shape& shape) {
  std::string keys;
  for (const size_t column : shape.key) keys += (keys.empty() ? "" : ", ") + shape.columns[column].as_sent;
  return keys;
}

}  // namespace

void add_keys_of_range(StatementList& out, const Shape& shape, const KeyRange& range, uint64_t rows_max) {
  const std::vector<RowValues> none;
  RowSource source(none);
  const std::string condition = in_range(shape, range, source);
  const std::string limit = source.text(std::to_string(rows_max));
  out.add("SELECT " + keys_as_sent(shape) + " FROM " + existing_rows(shape) + " WHERE " + condition + " LIMIT " +
              limit + "::bigint",
          Expect::anything, 0, source.take_params());
}

void add_keys_here(StatementList& out, const Shape& shape, const std::vector<RowValues>& keys) {
  RowSource source(keys);
  const std::string match = same_key(shape, source);
  out.add("SELECT " + keys_as_sent(shape) + " FROM " + existing_rows(shape) + " JOIN " + source.from() + " ON " + match,
          Expect::anything, 0, source.take_params());
}

void add_no_others(StatementList& out, const Shape& shape, const KeyRange& range, const std::vector<RowValues>& keys) {
  RowSource source(keys);
  const std::string condition = in_range(shape, range, source);
  std::string sql = "SELECT count(*) FROM " + existing_rows(shape) + " WHERE " + condition;
  if (!keys.empty()) {
    const std::string match = same_key(shape, source);
    // The keys are looked up only where there are rows at all.
    sql = "SELECT CASE WHEN n = 0 THEN 0 ELSE n - (SELECT count(*) FROM " + existing_rows(shape) + " JOIN " +
          source.from() + " ON " + match + " WHERE " + condition + ") END FROM (" + sql + ") AS c (n)";
  }
  out.add(std::move(sql), Expect::counts, 0, source.take_params());
}

void add_row_hashes(StatementList& out, const Shape& shape, const KeyRange& range, uint64_t rows_max) {
  const std::vector<RowValues> none;
  RowSource source(none);
  std::string key;
  for (const size_t column : shape.key) key += shape.columns[column].as_sent + ", ";
  std::vector<std::string> columns;
  for (const Shape::Column& column : shape.columns) columns.push_back(column.as_sent);
  const std::string condition = in_range(shape, range, source);
  const std::string limit = source.text(std::to_string(rows_max));
  out.add("SELECT " + key + row_md5(columns, shape.is_utf8) + " FROM " + existing_rows(shape) + " WHERE " + condition +
              " ORDER BY " + key_order_of(shape).order() + " LIMIT " + limit + "::bigint",
          Expect::anything, 0, source.take_params());
}

void add_count_rows(StatementList& out, const Shape& shape) {
  std::string sql = "SELECT count(*) FROM " + existing_rows(shape);
  if (!shape.owns.empty()) sql += " WHERE " + owned(shape, "SELECT t.*");
  out.add(std::move(sql), Expect::anything, 0, {}, false);
}

void add_has_more_rows(StatementList& out, const Shape& shape, uint64_t rows) {
  std::string sql = "SELECT count(*) > " + std::to_string(rows) + " FROM (SELECT FROM " + existing_rows(shape);
  if (!shape.owns.empty()) sql += " WHERE " + owned(shape, "SELECT t.*");
  out.add(sql + " LIMIT " + std::to_string(rows + 1) + ") AS r", Expect::anything, 0, {}, false);
}

void add_has_rows(StatementList& out, const Shape& shape, const KeyRange& range) {
  const std::vector<RowValues> none;
  RowSource source(none);
  const std::string condition = in_range(shape, range, source);
  out.add("SELECT EXISTS (SELECT FROM " + existing_rows(shape) + " WHERE " + condition + ")", Expect::anything, 0,
          source.take_params());
}

}  // namespace tributary
