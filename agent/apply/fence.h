// The applied position of a child in the parent's database: tributary.applied. It is written in the transaction that
// writes the changes, as a fence: it must be what was expected (exact-rules.md 1 and 4).
#pragma once

#include <optional>
#include <string>

#include "apply/statements.h"
#include "change/position.h"

namespace tributary {

// nullopt: nothing was ever applied for this child. Throws Error(setup) when the database was not prepared.
Task<std::optional<Position>> read_applied(Connection& connection, const std::string& child);

// Moves the fence; expects exactly one row.
void add_fence(StatementList& out, const std::string& child, const Position& from, const Position& to,
               int64_t commit_time);
// Locks the fence where it must stand, to be moved at the end of the transaction.
void add_fence_lock(StatementList& out, const std::string& child, const Position& at);
// Moves it from the end of a stream that broke off to the beginning of the next one; expects exactly one row.
void add_next_stream(StatementList& out, const std::string& child, const Position& from, const Position& beginning);
// The child's first stream; expects that there is no row yet.
void add_first_stream(StatementList& out, const std::string& child, const Position& beginning);

}  // namespace tributary
