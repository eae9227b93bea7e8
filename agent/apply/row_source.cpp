#include "apply/row_source.h"

namespace tributary {

std::string owned(const Shape& shape, const std::string& row) {
  return "(SELECT (" + shape.owns + ") IS TRUE FROM (" + row + ") AS x)";
}

std::string same_key(const Shape& shape, RowSource& source) {
  std::string sql;
  for (const size_t column : shape.key) {
    const Shape::Column& part = shape.columns[column];
    sql += (sql.empty() ? "t." : " AND t.") + part.name + " " + part.equals + " " + source.value(shape, column);
  }
  return sql;
}

std::string existing_rows(const Shape& shape) {
  return (shape.is_partitioned ? "" : "ONLY ") + shape.table + " AS t";
}

std::string key_list(const Shape& shape) {
  std::string sql;
  for (const size_t column : shape.key) sql += (sql.empty() ? "" : ", ") + shape.columns[column].name;
  return sql;
}

KeyOrder key_order_of(const Shape& shape) {
  KeyOrder order{{}, shape.is_utf8};
  for (const size_t column : shape.key)
    order.parts.push_back(
        {"t." + shape.columns[column].name, shape.columns[column].child_type_oid, shape.columns[column].type});
  return order;
}

KeyOrder key_order_of(const Shape& shape, RowSource& source) {
  KeyOrder order = key_order_of(shape);
  for (size_t i = 0; i < shape.key.size(); ++i) order.parts[i].value = source.value(shape, shape.key[i]);
  return order;
}

PatchSql patch_sql(const Shape& shape, const std::vector<RowValues>& rows, RowSource& source) {
  PatchSql sql;
  std::string row_after;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    const Shape::Column& column = shape.columns[i];
    const auto unchanged = static_cast<size_t>(
        std::count_if(rows.begin(), rows.end(), [i](RowValues row) { return row[i].kind == ValueKind::unchanged; }));
    std::string after = "t." + column.name;
    if (!column.is_key && unchanged < rows.size()) {
      // The CASE passes a large value on as its TOAST pointer, so that the next tier's log says "unchanged" too.
      const std::string value = source.value(shape, i);
      after = unchanged == 0 ? value : "CASE WHEN " + source.mask(i) + " THEN " + after + " ELSE " + value + " END";
      sql.has_masks |= unchanged > 0;
      sql.set += (sql.set.empty() ? "" : ", ") + column.name + " = " + after;
    }
    row_after += (i ? ", " : "") + after + " AS " + column.name;
  }
  if (!shape.owns.empty())
    sql.where = " AND " + owned(shape, "SELECT t.*") + " AND " + owned(shape, "SELECT " + row_after);
  return sql;
}

}  // namespace tributary
