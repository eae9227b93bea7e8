// The end of a table's walk: what becomes of the child's rows here that the child does not have, and how many rows a
// refresh may delete without a person's word.
#pragma once

#include "apply/shapes.h"
#include "apply/walks.h"

namespace tributary {

// Whether so many rows of the child may be deleted: [intake] max_delete, or one per cent of them.
Task<bool> may_delete(Connection& connection, const ChildRights& rights, const Shape& shape, uint64_t rows);

// Deletes what is listed in tributary.extra, or leaves it there and counts it, in the open transaction; `walk` is told.
// `keeps_extra`: the child has not all yet that its own children send, so what it lacks may only not have come to it;
// it is to compare the table again. Throws what the server says.
Task<> finish_walk(Connection& connection, const ChildRights& rights, const Shape& shape, Walks& walks, Walk& walk,
                   bool keeps_extra);

}  // namespace tributary
