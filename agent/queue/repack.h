// Cuts a batch in the middle: the parent may have applied some of its transactions and not the others.
#pragma once

#include <optional>

#include "change/batch.h"

namespace tributary {

// What of `batch` (as stored, compressed) follows `position`, as a batch of its own, compressed; its list of relations
// stays as it is. nullopt when no transaction of the batch ends exactly there. Error(protocol) on a damaged payload.
std::optional<Batch> rest_after(const Batch& batch, const Position& position);

}  // namespace tributary
