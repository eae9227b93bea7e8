// A digest of a refresh, compared with the rows here, at its place in the stream: how far they are the child's (the
// walk goes on behind these), or, to verify, what differs.
#pragma once

#include <optional>

#include "apply/careful.h"

namespace tributary {

// In the open transaction `seq` of the stream. The child hears of it as news of `walks`. After a refusal the
// transaction is rolled back.
Task<std::optional<Refusal>> compare_digest(Connection& connection, Shapes& shapes, Walks& walks,
                                            const GroupChange& change, uint64_t seq);

}  // namespace tributary
