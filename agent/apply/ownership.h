// Which of a table's rows here are a child's, over time: tributary.ownership. Rows may be here that the child does not
// have, because they became its own after its table was walked (`owns` was changed), or because it had not all of its
// own children's rows when it was: then it is to compare the table, once it has these. And how many deletions of rows
// that are not its own were left out.
//
// It outlives the child's streams. Written in the transaction that changes the rows, but for a changed condition, which
// is noticed when the child has connected.
#pragma once

#include <map>
#include <string>

#include "apply/shapes.h"
#include "apply/statements.h"

namespace tributary {

class Walks;

struct Ownership {
  std::string condition = "false";  // of the rows that were compared; "true", "false": all, none
  bool to_be_compared = false;
  uint64_t deletes_left_out = 0;
  friend bool operator==(const Ownership&, const Ownership&) = default;
};

// The rows of the table that are the child's, as far as that is known.
std::string condition_of(const Shape& shape);

// A walk of the table begins, which compares all that is the child's now.
void add_begun(StatementList& out, Walks& walks, const std::string& child, const Shape& shape);
// It ended, and the table is to be compared again.
void add_to_be_compared(StatementList& out, Walks& walks, const std::string& child, const std::string& table);
// Deletions, by table.
void add_left_out(StatementList& out, const std::string& child, const std::map<std::string, uint64_t>& deletes);

// Looks whether rows have become the child's, by another `owns`, since its tables were walked; these are to be
// compared. In transactions of its own.
Task<> note_changed_ownership(Connection& connection, const ChildRights& rights, Walks& walks);

}  // namespace tributary
