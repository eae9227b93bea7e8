// What lies in the queue as it goes over the link: consecutive small batches become one, and a small one goes plain, so
// that the link can pack it with those before it (wire/frame.h). Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "change/batch.h"

namespace tributary {

constexpr uint64_t kSmallBytes = 64 << 10;     // a larger batch is left alone: opening it costs more than it saves
constexpr uint64_t kMergedBytesMax = 1 << 20;  // of what becomes one batch, before compression

// The same transactions, in order; `stored` follow one another. Parts of large transactions, new streams and large
// batches are passed on unopened. Error(protocol) on a damaged payload.
std::vector<Batch> outgoing(std::vector<Batch> stored);

}  // namespace tributary
