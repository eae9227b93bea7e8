#include "apply/statements.h"

#include <algorithm>

#include "apply/row_source.h"

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

bool is_as_expected(const Result& result, Expect expect, uint64_t rows) {
  switch (expect) {
    case Expect::anything: return true;
    case Expect::exactly: return result.affected() == rows;
    case Expect::at_most: return result.affected() <= rows;
    case Expect::counts: return static_cast<uint64_t>(result.integer(0, 0)) == rows;
    case Expect::removes: return static_cast<uint64_t>(result.integer(0, 0)) <= rows;
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

std::optional<size_t> StatementList::first_unexpected(const PipelineResult& result, size_t begin) const {
  for (size_t i = begin; i < result.results.size(); ++i)
    if (!is_as_expected(result.results[i], expectations_[i].expect, expectations_[i].rows)) return i;
  return result.error ? std::optional(result.results.size()) : std::nullopt;
}

std::map<std::string, uint64_t> StatementList::left_alone(const PipelineResult& result) const {
  std::map<std::string, uint64_t> left_alone;
  for (const auto& [place, table] : left_alone_)
    if (place < result.results.size())
      if (const auto count = static_cast<uint64_t>(result.results[place].integer(0, 1)); count > 0)
        left_alone[table] += count;
  return left_alone;
}

void add_clear(StatementList& out, const Shape& shape) {
  std::string sql = "DELETE FROM " + existing_rows(shape);
  if (!shape.owns.empty()) sql += " WHERE " + owned(shape, "SELECT t.*");
  out.add(std::move(sql), Expect::anything);
}

void add_removes(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows) {
  if (rows.empty()) return;
  RowSource source(rows);
  const std::string match = same_key(shape, source);
  if (!shape.owns.empty()) return add_limited_removes(out, shape, source, match, rows.size());
  out.add("DELETE FROM " + existing_rows(shape) + " USING " + source.from() + " WHERE " + match, Expect::at_most,
          rows.size(), source.take_params());
}

// The others are looked for only where rows are missing, in the state before the deletion.
void add_limited_removes(StatementList& out, const Shape& shape, RowSource& source, const std::string& condition,
                         uint64_t rows) {
  const std::string is_owned = owned(shape, "SELECT t.*"), table = existing_rows(shape);
  const std::string all = source.text(std::to_string(rows));
  out.add("WITH gone AS (DELETE FROM " + table + " USING " + source.from() + " WHERE " + condition + " AND " +
              is_owned + " RETURNING 1) SELECT g.n, CASE WHEN g.n < " + all + "::bigint THEN (SELECT count(*) FROM " +
              table + ", " + source.from() + " WHERE " + condition + " AND NOT " + is_owned +
              ") ELSE 0 END FROM (SELECT count(*) FROM gone) AS g (n)",
          Expect::removes, rows, source.take_params());
  out.counts_left_alone(shape.title);
}

void add_patches(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows) {
  if (rows.empty()) return;
  RowSource source(rows);
  const std::string match = same_key(shape, source);
  const PatchSql patch = patch_sql(shape, rows, source);
  if (patch.set.empty()) return add_count(out, shape, rows);
  // Masks come in many combinations: those texts are not worth a plan that is kept for the connection's life.
  out.add("UPDATE " + existing_rows(shape) + " SET " + patch.set + " FROM " + source.from() + " WHERE " + match +
              patch.where,
          Expect::exactly, rows.size(), source.take_params(), !patch.has_masks);
}

void add_puts(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows) {
  if (rows.empty()) return;
  RowSource source(rows);
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
  RowSource source(rows);
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
