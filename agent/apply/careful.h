// The careful way: changes in their original order, one statement each, so that the first one the database refuses can
// be named (exact-rules.md 4).
#pragma once

#include <optional>
#include <span>

#include "apply/group.h"
#include "apply/shapes.h"
#include "apply/transaction.h"
#include "apply/walks.h"

namespace tributary {

// Whether rows of the table may be deleted to make way for others: they are the child's, and the child has all of them.
inline bool may_make_way(const Shape& shape) {
  return shape.may_clear && !shape.has_unsent_columns;
}

struct Refusal {
  Held held;
  bool is_taken_value = false;  // a unique value that another row has: another order may help
  bool may_make_way = false;    // that row may be one that may be deleted
};

// Writes the changes into the open transaction. After a refusal the transaction is rolled back. `walks` are the
// child's; a chunk moves them on, a row that cannot be written for want of values makes its key stale, and a table that
// does not fit begins its walk anew. `makes_way`: rows of the child that may be older ones, or that it does not have,
// are deleted when they have a unique value that another row is to have: where a table is not walked to its end, or has
// listed or stale rows.
Task<std::optional<Refusal>> write_in_order(Connection& connection, Shapes& shapes, Walks& walks,
                                            std::span<const GroupChange> changes, bool makes_way = false);

// The last try for unique values that pass from row to row in one transaction: deletes every row that is put, then
// inserts them all. False: these changes hold more than whole rows, a table has listed rows, or it is refused too; then
// the open transaction is rolled back.
Task<bool> write_by_replacing(Connection& connection, Shapes& shapes, Walks& walks,
                              std::span<const GroupChange> changes);

}  // namespace tributary
