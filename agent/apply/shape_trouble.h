// Tables that do not fit here (Mismatch, but not of rights): their changes are left out, their walks say why, and begin
// when they fit. Everything else flows.
//
// The statements go into the list, and what they do is true of `walks` at once: after a refusal the walks are to be
// read again.
#pragma once

#include <string>

#include "apply/group.h"
#include "apply/shapes.h"
#include "apply/statements.h"
#include "apply/walks.h"

namespace tributary {

// A change of such a table is left out. The child is told when it is of a refresh, or the reason is a new one.
void add_left_out(StatementList& out, Shapes& shapes, Walks& walks, const GroupChange& change,
                  const Mismatch& mismatch);
// A table that fits is in no trouble any more.
void add_mended(StatementList& out, Walks& walks, const std::string& child, const std::string& table);
// And its walk is in terms of the key that it has now.
void add_fitting(StatementList& out, Walks& walks, const std::string& child, const Shape& shape);
// Asks the catalogue again for each table in trouble.
Task<> look_again(Connection& connection, Shapes& shapes, Walks& walks, StatementList& out);

// Whether there is no row that a refresh could concern; false also when that cannot be told. A table without rows fits
// as long as it has none.
Task<bool> is_empty_here(Connection& connection, const Relation& relation);

// Whether the net changes of the group are all there is to it: nothing in it finds a table in trouble or brings one
// into it, none of its keys is stale, no chunk heals any, and no key is made of other columns than before. The shapes
// are known.
bool is_set_wise(const Group& group, const Shapes& shapes, const Walks& walks);
// The child is told of the chunks in it that are left out.
void tell_left_out(const Group& group, Shapes& shapes, Walks& walks);

}  // namespace tributary
