// The careful way: changes in their original order, one statement each, so that the first one the database refuses can
// be named (exact-rules.md 4).
#pragma once

#include <optional>
#include <span>

#include "apply/group.h"
#include "apply/shapes.h"
#include "apply/transaction.h"

namespace tributary {

struct Refusal {
  Held held;
  bool is_taken_value = false;  // a unique value that another row has: another order may help
};

// Writes the changes into the open transaction. After a refusal the transaction is rolled back.
Task<std::optional<Refusal>> write_in_order(Connection& connection, Shapes& shapes,
                                            std::span<const GroupChange> changes);

// The last try for unique values that pass from row to row in one transaction: deletes every row that is put, then
// inserts them all. False: these changes hold more than whole rows, or it is refused too; then the open transaction is
// rolled back.
Task<bool> write_by_replacing(Connection& connection, Shapes& shapes, std::span<const GroupChange> changes);

}  // namespace tributary
