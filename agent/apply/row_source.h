// The pieces that statements over many rows are made of. Pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "apply/statements.h"
#include "postgres/key_range.h"

namespace tributary {

// The parameters of a statement and the rows they make: (SELECT unnest($1::text[]) AS c1, ...) AS s. In the select list
// the arrays go side by side too, and PostgreSQL keeps no copy of all rows, as it does of a function in FROM.
class RowSource {
 public:
  explicit RowSource(const std::vector<RowValues>& rows) : rows_(rows) {}

  // A parameter beside the rows.
  std::string text(std::string_view value) {
    params_.push_back({false, std::string(value)});
    return "$" + std::to_string(params_.size());
  }
  std::vector<std::string> texts(const std::vector<std::string_view>& values) {
    std::vector<std::string> names;
    for (const std::string_view value : values) names.push_back(text(value));
    return names;
  }

  // A column of other rows, as an array of texts.
  std::string array(const std::vector<RowValues>& rows, size_t column) {
    params_.push_back({true, text_array(rows, column)});
    return "$" + std::to_string(params_.size()) + "::text[]";
  }

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
  std::string rows() const {
    std::string columns;
    for (size_t i = 0; i < columns_.size(); ++i)
      columns +=
          (i ? ", unnest($" : "unnest($") + std::to_string(numbers_[i]) + "::" + types_[i] + ") AS " + columns_[i];
    return "(SELECT " + columns + ")";
  }
  std::string from() const { return rows() + " AS s"; }
  std::vector<StatementList::Param> take_params() { return std::move(params_); }

 private:
  void add(const std::string& name, const char* type, std::string bytes) {
    columns_.push_back(name);
    types_.push_back(type);
    params_.push_back({true, std::move(bytes)});
    numbers_.push_back(params_.size());
  }

  const std::vector<RowValues>& rows_;
  std::vector<std::string> columns_;
  std::vector<const char*> types_;
  std::vector<size_t> numbers_;  // of their parameters
  std::vector<StatementList::Param> params_;
};

// The condition on a row given as a sub-select: columns are looked up in it alone, and NULL is not owned.
std::string owned(const Shape& shape, const std::string& row);
// Of a row t of the table and a row s of the source.
std::string same_key(const Shape& shape, RowSource& source);
// What DELETE, UPDATE and SELECT name. The rows of tables that inherit from an ordinary one are not the child's.
std::string existing_rows(const Shape& shape);
std::string key_list(const Shape& shape);
// Of the keys of rows t of the table, or of rows s of the source.
KeyOrder key_order_of(const Shape& shape);
KeyOrder key_order_of(const Shape& shape, RowSource& source);

// What a patch does to a row t of the table, from a row s of the source.
struct PatchSql {
  std::string set;    // empty: nothing
  std::string where;  // but for the key
  bool has_masks = false;
};
PatchSql patch_sql(const Shape& shape, const std::vector<RowValues>& rows, RowSource& source);

}  // namespace tributary
