#include "apply/extra_rows.h"

#include <algorithm>
#include <utility>

#include "apply/known_keys.h"
#include "apply/row_source.h"

namespace tributary {

namespace {

// As it is listed, of a row t of the table.
std::string listed_key(const Shape& shape) {
  std::string key;
  for (const size_t column : shape.key)
    key += (key.empty() ? "format('%s', t." : ", format('%s', t.") + shape.columns[column].name + ")";
  return "ARRAY[" + key + "]";
}

// Of a listed row e and a row t of the table; by its index first.
std::string is_listed_row(const Shape& shape) {
  std::string sql;
  for (size_t i = 0; i < shape.key.size(); ++i) {
    const Shape::Column& part = shape.columns[shape.key[i]];
    sql += "t." + part.name + " " + part.equals + " (e.key[" + std::to_string(i + 1) + "])::" + part.type + " AND ";
  }
  return sql + "e.key = " + listed_key(shape);
}

std::string is_childs(const Shape& shape) {
  return shape.owns.empty() ? "true" : owned(shape, "SELECT t.*");
}

// A listed row e, or a walk w, of the child's table.
std::string of_table(const std::string& row, const Shape& shape, const std::string& child, RowSource& source) {
  const std::string name = source.text(child), table = source.text(shape.title);
  return row + ".child = " + name + "::text AND " + row + ".table_name = " + table + "::text";
}

// As many are kept fewer as `gone` has rows.
std::string fewer_kept(const Shape& shape, const std::string& child, RowSource& source) {
  return "UPDATE tributary.walk AS w SET kept = greatest(w.kept - g.n, 0) FROM (SELECT count(*) AS n FROM gone) AS g "
         "WHERE " +
         of_table("w", shape, child, source) + " AND w.kept > 0 AND g.n > 0";
}

// The rows here that the source's rows stand for, as o.
std::string rows_here(const Shape& shape, RowSource& source) {
  std::string match;
  for (const size_t column : shape.key) {
    const Shape::Column& part = shape.columns[column];
    match += (match.empty() ? "o." : " AND o.") + part.name + " " + part.equals + " " + source.value(shape, column);
  }
  return (shape.is_partitioned ? "" : "ONLY ") + shape.table + " AS o ON " + match;
}

// Of a row t of the table: whether it has the key of one of these rows.
std::string is_one_of(const Shape& shape, const std::vector<RowValues>& rows, RowSource& source) {
  std::string columns, match;
  for (const size_t column : shape.key) {
    const Shape::Column& part = shape.columns[column];
    const std::string name = "k" + std::to_string(column + 1);
    columns += (columns.empty() ? "unnest(" : ", unnest(") + source.array(rows, column) + ") AS " + name;
    match += (match.empty() ? "t." : " AND t.") + part.name + " " + part.equals + " x." + name + "::" + part.type;
  }
  return "EXISTS (SELECT FROM (SELECT " + columns + ") AS x WHERE " + match + ")";
}

const std::vector<RowValues> kNoRows;

}  // namespace

void add_list_others(StatementList& out, const Shape& shape, const KeyRange& range, const std::vector<RowValues>& keys,
                     const std::string& child, bool has_listed) {
  RowSource source(keys);
  std::string condition = others(shape, range, source);
  const std::string name = source.text(child), table = source.text(shape.title);
  if (has_listed)
    condition += " AND NOT EXISTS (SELECT FROM tributary.extra AS e WHERE " + of_table("e", shape, child, source) +
                 " AND e.key = " + listed_key(shape) + ")";
  std::string sql = "INSERT INTO tributary.extra (child, table_name, key) SELECT " + name + "::text, " + table +
                    "::text, " + listed_key(shape) + " FROM " + existing_rows(shape) + " WHERE " + condition +
                    " LIMIT " + std::to_string(kListedAtOnce) + " ON CONFLICT DO NOTHING";
  out.add(std::move(sql), Expect::anything, 0, source.take_params());
}

void add_unlist(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows, const std::string& child) {
  if (rows.empty()) return;
  RowSource source(rows);
  const std::string match = same_key(shape, source);
  const std::string listed = of_table("e", shape, child, source);
  std::string sql = "WITH gone AS (DELETE FROM tributary.extra AS e USING " + existing_rows(shape) + " JOIN " +
                    source.from() + " ON " + match + " WHERE " + listed + " AND e.key = " + listed_key(shape) +
                    " RETURNING 1) " + fewer_kept(shape, child, source);
  out.add(std::move(sql), Expect::anything, 0, source.take_params());
}

void add_unlist_missing(StatementList& out, const Shape& shape, const std::string& child) {
  RowSource source(kNoRows);
  std::string sql = "DELETE FROM tributary.extra AS e WHERE " + of_table("e", shape, child, source) +
                    " AND NOT EXISTS (SELECT FROM " + existing_rows(shape) + " WHERE " + is_listed_row(shape) +
                    " AND " + is_childs(shape) + ")";
  out.add(std::move(sql), Expect::anything, 0, source.take_params());
}

void add_count_listed(StatementList& out, const Shape& shape, const std::string& child) {
  RowSource source(kNoRows);
  std::string sql = "SELECT count(*) FROM tributary.extra AS e WHERE " + of_table("e", shape, child, source);
  out.add(std::move(sql), Expect::anything, 0, source.take_params());
}

void add_delete_listed(StatementList& out, const Shape& shape, const std::string& child) {
  RowSource source(kNoRows);
  std::string sql = "WITH e AS (DELETE FROM tributary.extra AS e WHERE " + of_table("e", shape, child, source) +
                    " RETURNING e.key) DELETE FROM " + existing_rows(shape) + " USING e WHERE " + is_listed_row(shape) +
                    " AND " + is_childs(shape);
  out.add(std::move(sql), Expect::anything, 0, source.take_params());
}

void add_make_way(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows,
                  const InTheWay& in_the_way, const std::string& child,
                  const std::vector<std::string_view>& walked_to) {
  if (rows.empty()) return;
  for (const auto& unique : shape.other_unique_keys) {
    const auto is_unchanged = [&](const auto& part) { return rows.front()[part.column].kind == ValueKind::unchanged; };
    if (std::all_of(unique.begin(), unique.end(), is_unchanged)) continue;
    RowSource source(rows);
    const std::string same = same_key(shape, source);
    std::string match;
    for (const auto& part : unique) {
      const std::string name = shape.columns[part.column].name;
      match += "t." + name + " " + part.equals + " " +
               (is_unchanged(part) ? "o." + name : source.value(shape, part.column)) + " AND ";
    }
    std::string from = source.from();
    if (std::any_of(unique.begin(), unique.end(), is_unchanged)) from += " JOIN " + rows_here(shape, source);
    const std::string listed = of_table("e", shape, child, source);
    std::vector<std::string> ways;
    if (in_the_way.behind) ways.push_back(in_range(shape, {*in_the_way.behind, {}}, source));
    if (in_the_way.is_listed)
      ways.push_back(is_childs(shape) + " AND EXISTS (SELECT FROM tributary.extra AS e WHERE " + listed +
                     " AND e.key = " + listed_key(shape) + ")");
    const RowsOfKeys stale(shape, in_the_way.stale);
    if (!stale.rows().empty()) ways.push_back(is_childs(shape) + " AND " + is_one_of(shape, stale.rows(), source));
    std::string where;
    for (const std::string& way : ways) where += (where.empty() ? "(" : " OR (") + way + ")";
    where = ways.empty() ? "false" : "(" + where + ")";
    if (!walked_to.empty()) where += " AND " + key_order_of(shape, source).is_up_to(source.texts(walked_to));
    std::string sent, names;
    for (size_t i = 0; i < shape.key.size(); ++i) {
      const std::string name = "k" + std::to_string(i + 1);
      sent += ", " + shape.columns[shape.key[i]].as_sent + " AS " + name;
      names += (i ? ", d." : "d.") + name;
    }
    std::string sql = "WITH d AS (DELETE FROM " + existing_rows(shape) + " USING " + from + " WHERE " + match +
                      "NOT (" + same + ") AND " + where + " RETURNING " + listed_key(shape) + " AS key" + sent +
                      "), gone AS (DELETE FROM tributary.extra AS e USING d WHERE " + listed +
                      " AND e.key = d.key RETURNING 1), fewer AS (" + fewer_kept(shape, child, source) + ") SELECT " +
                      names + " FROM d";
    out.add(std::move(sql), Expect::anything, 0, source.take_params(), false);
  }
}

void add_remove_differing(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows) {
  if (rows.empty()) return;
  RowSource source(rows);
  const std::string same = same_key(shape, source);
  std::string here, sent;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    here += (i ? ", t." : "t.") + shape.columns[i].name;
    sent += (i ? ", " : "") + source.value(shape, i);
  }
  std::string sql = "DELETE FROM " + existing_rows(shape) + " USING " + source.from() + " WHERE " + same + " AND ROW(" +
                    here + ")::record *<> ROW(" + sent + ")::record AND " + is_childs(shape);
  out.add(std::move(sql), Expect::anything, 0, source.take_params(), false);
}

}  // namespace tributary
