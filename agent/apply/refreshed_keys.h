// A set of single keys of a refresh at the parent: rows are put where they differ from what is here; those of the set
// that the child does not have are deleted where they are the child's.
#pragma once

#include <optional>

#include "apply/careful.h"
#include "change/chunk.h"

namespace tributary {

// Writes the chunk, which is a set, into the open transaction; a refusal leaves it open. `makes_way`: the child's rows
// that have a unique value which another row is to have are deleted first; those that do not come with the set are then
// stale.
Task<std::optional<Refusal>> write_key_set(Connection& connection, Walks& walks, const std::string& child,
                                           const Shape& shape, const ChunkView& chunk, bool makes_way);

}  // namespace tributary
