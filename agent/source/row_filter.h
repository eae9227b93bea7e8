// What a table's row filter is: which columns it reads, whether it is a function of the row alone, and whether a
// publication accepts it. PostgreSQL itself parses it: as the predicate of an index on an empty temporary table of the
// same columns, in a transaction that is rolled back. That asks for the right to make temporary tables, nothing more.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "source/table_facts.h"

namespace tributary {

struct UserFunction {
  std::string schema;
  std::string signature;  // as GRANT ... ON FUNCTION wants it
};

struct RowFilter {
  std::vector<std::string> columns;     // in the table's order
  std::vector<UserFunction> functions;  // of users, which it calls, also through operators
};

// "(where)", also when `where` ends in a comment.
std::string parenthesised(const std::string& where);

// Throws Error(setup), with the recipe, for a filter that is not a function of its row alone (STABLE or VOLATILE
// functions, subqueries, aggregates), that names an unknown column, or that is not a condition.
Task<RowFilter> analyse_row_filter(Connection& connection, const TableFacts& table, std::string where);

// The filter as PostgreSQL prints it for a publication, or nullopt when a publication refuses it (types and functions
// of users). Administrators only: a publication is made, and rolled back.
Task<std::optional<std::string>> publication_filter(Connection& connection, const TableFacts& table, std::string where);

}  // namespace tributary
