// A chunk of a refresh, written by itself, step by step: where the parent has rows that the child does not have, or
// where something is in the way.
#pragma once

#include <optional>

#include "apply/careful.h"

namespace tributary {

// Writes the chunk's rows into the open transaction, and deletes the child's other rows of its range, unless that were
// more than a refresh may delete by itself: then they are kept, and named in tributary.extra.
Task<std::optional<Refusal>> write_chunk(Connection& connection, Shapes& shapes, Walks& walks,
                                         const GroupChange& change, bool makes_way);

}  // namespace tributary
