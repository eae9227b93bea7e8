// The batches appended last, kept in memory, so that a reader at the head need not read back what was just written. Not
// thread-safe. Only small ones: of the others a copy would cost more than reading them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "queue/queue.h"

namespace tributary {

class RecentBatches {
 public:
  static constexpr size_t kBatchBytesMax = 64 << 10;  // of one batch's payload, not compressed
  static constexpr size_t kBytesMax = 1 << 20;        // of all

  // `batch` was appended as row `id`, with its payload not compressed.
  void append(int64_t id, const Batch& batch);
  // Whatever lies in rows up to `id` is known to the file alone.
  void forget(int64_t id);
  // All that follows row `id`; nullopt: something of it is not here.
  std::optional<std::vector<StoredBatch>> after(int64_t id) const;

 private:
  std::deque<StoredBatch> batches_;  // all rows after after_id_
  int64_t after_id_ = 0;
  size_t bytes_ = 0;
};

}  // namespace tributary
