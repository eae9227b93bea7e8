#include "apply/statements.h"

#include <algorithm>

namespace tributary {
namespace {

constexpr uint32_t kBoolOid = 16;
constexpr uint32_t kTextOid = 25;

void put_array_header(std::string& out, bool has_nulls, uint32_t element_oid, size_t elements) {
  put_u32(out, 1);  // dimensions
  put_u32(out, has_nulls ? 1 : 0);
  put_u32(out, element_oid);
  put_u32(out, static_cast<uint32_t>(elements));
  put_u32(out, 1);  // lower bound
}

// The parameters of a statement and the rows they make: (SELECT unnest($1::text[]) AS c1, ...) AS s. In the select list
// the arrays go side by side too, and PostgreSQL keeps no copy of all rows, as it does of a function in FROM.
class Source {
 public:
  explicit Source(const std::vector<RowValues>& rows) : rows_(rows) {}

  // What stands for the column's value in an expression.
  std::string value(const Shape& shape, size_t column) {
    const std::string name = "c" + std::to_string(column + 1);
    if (std::find(columns_.begin(), columns_.end(), name) == columns_.end())
      add(name, "text[]", text_array(rows_, column));
    return "s." + name + "::" + shape.columns[column].type;
  }
  // What tells whether the column is unchanged.
  std::string mask(size_t column) {
    const std::string name = "m" + std::to_string(column + 1);
    add(name, "bool[]", unchanged_array(rows_, column));
    return "s." + name;
  }
  std::string from() const {
    std::string columns;
    for (size_t i = 0; i < columns_.size(); ++i)
      columns += (i ? ", unnest($" : "unnest($") + std::to_string(i + 1) + "::" + types_[i] + ") AS " + columns_[i];
    return "(SELECT " + columns + ") AS s";
  }
  std::vector<StatementList::Param> take_params() { return std::move(params_); }

 private:
  void add(const std::string& name, const char* type, std::string bytes) {
    columns_.push_back(name);
    types_.push_back(type);
    params_.push_back({true, std::move(bytes)});
  }

  const std::vector<RowValues>& rows_;
  std::vector<std::string> columns_;
  std::vector<const char*> types_;
  std::vector<StatementList::Param> params_;
};

// The condition on a row given as a sub-select: columns are looked up in it alone, and NULL is not owned.
std::string owned(const Shape& shape, const std::string& row) {
  return "(SELECT (" + shape.owns + ") IS TRUE FROM (" + row + ") AS x)";
}

std::string same_key(const Shape& shape, Source& source) {
  std::string sql;
  for (const size_t column : shape.key) {
    const Shape::Column& part = shape.columns[column];
    sql += (sql.empty() ? "t." : " AND t.") + part.name + " " + part.equals + " " + source.value(shape, column);
  }
  return sql;
}

// What DELETE, UPDATE and SELECT name. The rows of tables that inherit from an ordinary one are not the child's.
std::string existing_rows(const Shape& shape) {
  return (shape.is_partitioned ? "" : "ONLY ") + shape.table + " AS t";
}

std::string key_list(const Shape& shape) {
  std::string sql;
  for (const size_t column : shape.key) sql += (sql.empty() ? "" : ", ") + shape.columns[column].name;
  return sql;
}

bool is_as_expected(const Result& result, Expect expect, uint64_t rows) {
  switch (expect) {
    case Expect::anything: return true;
    case Expect::exactly: return result.affected() == rows;
    case Expect::at_most: return result.affected() <= rows;
    case Expect::counts: return static_cast<uint64_t>(result.integer(0, 0)) == rows;
    case Expect::owned:
      return static_cast<uint64_t>(result.integer(0, 0)) <= rows && result.value(0, 0) == result.value(0, 1);
  }
  return false;
}

}  // namespace

void StatementList::add(std::string sql, Expect expect, uint64_t rows, std::vector<Param> params, bool is_prepared) {
  Statement statement{std::move(sql), {}, is_prepared};
  for (Param& param : params) {
    const std::string& bytes = buffers_.emplace_back(std::move(param.bytes));
    statement.params.push_back(param.is_binary ? tributary::Param::binary(bytes) : tributary::Param::text(bytes));
  }
  statements_.push_back(std::move(statement));
  expectations_.push_back({expect, rows});
}

std::optional<size_t> StatementList::first_unexpected(const PipelineResult& result) const {
  for (size_t i = 0; i < result.results.size(); ++i)
    if (!is_as_expected(result.results[i], expectations_[i].expect, expectations_[i].rows)) return i;
  return result.error ? std::optional(result.results.size()) : std::nullopt;
}

void add_clear(StatementList& out, const Shape& shape) {
  std::string sql = "DELETE FROM " + existing_rows(shape);
  if (!shape.owns.empty()) sql += " WHERE " + owned(shape, "SELECT t.*");
  out.add(std::move(sql), Expect::anything);
}

void add_removes(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows) {
  if (rows.empty()) return;
  Source source(rows);
  const std::string match = same_key(shape, source);
  std::string sql = "DELETE FROM " + existing_rows(shape) + " USING " + source.from() + " WHERE " + match;
  if (shape.owns.empty()) return out.add(std::move(sql), Expect::at_most, rows.size(), source.take_params());
  sql = "WITH gone AS (" + sql + " RETURNING " + owned(shape, "SELECT t.*") +
        " AS owned) SELECT count(*), count(*) FILTER (WHERE owned) FROM gone";
  out.add(std::move(sql), Expect::owned, rows.size(), source.take_params());
}

void add_patches(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows) {
  if (rows.empty()) return;
  Source source(rows);
  const std::string match = same_key(shape, source);
  std::string set, row_after;
  bool has_masks = false;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    const Shape::Column& column = shape.columns[i];
    const auto unchanged = static_cast<size_t>(
        std::count_if(rows.begin(), rows.end(), [i](RowValues row) { return row[i].kind == ValueKind::unchanged; }));
    std::string after = "t." + column.name;
    if (!column.is_key && unchanged < rows.size()) {
      // The CASE passes a large value on as its TOAST pointer, so that the next tier's log says "unchanged" too.
      const std::string value = source.value(shape, i);
      after = unchanged == 0 ? value : "CASE WHEN " + source.mask(i) + " THEN " + after + " ELSE " + value + " END";
      has_masks |= unchanged > 0;
      set += (set.empty() ? "" : ", ") + column.name + " = " + after;
    }
    row_after += (i ? ", " : "") + after + " AS " + column.name;
  }
  if (set.empty()) return add_count(out, shape, rows);
  std::string sql = "UPDATE " + existing_rows(shape) + " SET " + set + " FROM " + source.from() + " WHERE " + match;
  if (!shape.owns.empty()) sql += " AND " + owned(shape, "SELECT t.*") + " AND " + owned(shape, "SELECT " + row_after);
  // Masks come in many combinations: those texts are not worth a plan that is kept for the connection's life.
  out.add(std::move(sql), Expect::exactly, rows.size(), source.take_params(), !has_masks);
}

void add_puts(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows) {
  if (rows.empty()) return;
  Source source(rows);
  std::string names, values, set;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    const Shape::Column& column = shape.columns[i];
    names += (i ? ", " : "") + column.name;
    values += (i ? ", " : "") + source.value(shape, i) + " AS " + column.name;
    if (!column.is_key) set += (set.empty() ? "" : ", ") + column.name + " = excluded." + column.name;
  }
  const std::string select = "SELECT " + values + " FROM " + source.from();
  const std::string insert = "INSERT INTO " + shape.table + " AS t (" + names + ")" +
                             (shape.overrides_identity ? " OVERRIDING SYSTEM VALUE " : " ");
  const std::string on_conflict = " ON CONFLICT (" + key_list(shape) + ") DO ";
  if (shape.owns.empty()) {
    return out.add(insert + select + on_conflict + (set.empty() ? "NOTHING" : "UPDATE SET " + set),
                   set.empty() ? Expect::at_most : Expect::exactly, rows.size(), source.take_params());
  }
  const std::string owned_new = " WHERE " + owned(shape, "SELECT n.*");
  if (!set.empty()) {
    return out.add(insert + "SELECT n.* FROM (" + select + ") AS n" + owned_new + on_conflict + "UPDATE SET " + set +
                       " WHERE " + owned(shape, "SELECT t.*"),
                   Expect::exactly, rows.size(), source.take_params());
  }
  // A table of key columns alone: a conflict changes nothing and is not counted, so the owned rows are.
  out.add("WITH n AS MATERIALIZED (" + select + "), written AS (" + insert + "SELECT n.* FROM n" + owned_new +
              on_conflict + "NOTHING) SELECT count(*) FROM n" + owned_new,
          Expect::counts, rows.size(), source.take_params());
}

std::string copy_command(const Shape& shape) {
  std::string names;
  for (const Shape::Column& column : shape.columns) names += (names.empty() ? "" : ", ") + column.name;
  return "COPY " + shape.table + " (" + names + ") FROM STDIN" +
         (shape.owns.empty() ? "" : " WHERE (" + shape.owns + ") IS TRUE");
}

void add_count(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows) {
  Source source(rows);
  const std::string match = same_key(shape, source);
  out.add("SELECT count(*) FROM " + existing_rows(shape) + " JOIN " + source.from() + " ON " + match, Expect::counts,
          rows.size(), source.take_params());
}

std::string text_array(const std::vector<RowValues>& rows, size_t column) {
  size_t bytes = 20;
  bool has_nulls = false;
  for (const RowValues row : rows) {
    const bool is_text = row[column].kind == ValueKind::text;
    bytes += 4 + (is_text ? row[column].text.size() : 0);
    has_nulls |= !is_text;
  }
  std::string out;
  out.reserve(bytes);
  put_array_header(out, has_nulls, kTextOid, rows.size());
  for (const RowValues row : rows) {
    const Value& value = row[column];
    if (value.kind != ValueKind::text) {
      put_u32(out, UINT32_MAX);
      continue;
    }
    put_u32(out, static_cast<uint32_t>(value.text.size()));
    out.append(value.text);
  }
  return out;
}

std::string unchanged_array(const std::vector<RowValues>& rows, size_t column) {
  std::string out;
  out.reserve(20 + 5 * rows.size());
  put_array_header(out, false, kBoolOid, rows.size());
  for (const RowValues row : rows) {
    put_u32(out, 1);
    put_u8(out, row[column].kind == ValueKind::unchanged ? 1 : 0);
  }
  return out;
}

}  // namespace tributary
