// Single rows of a child's table, looked at because they are not what the child has: whether they are here, whose they
// are, what their values are, and what here may change them. The answer to a digest that asks for keys
// (change/digest.h), at its place in the stream. Reads only. Values of rows that the child does not own are not told.
#pragma once

#include "apply/shapes.h"
#include "apply/walks.h"
#include "change/digest.h"

namespace tributary {

Task<Comparison> inspect(Connection& connection, const ChildRights& rights, const Walks& walks, const Shape& shape,
                         const DigestView& digest);

}  // namespace tributary
