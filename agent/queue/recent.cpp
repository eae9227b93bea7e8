#include "queue/recent.h"

namespace tributary {

void RecentBatches::append(int64_t id, const Batch& batch) {
  const bool is_part = batch.part != 0 || !batch.is_last_part;
  if (is_part || batch.payload.size() > kBatchBytesMax) return forget(id);
  batches_.push_back({id, batch});
  batches_.back().batch.raw_bytes = batch.payload.size();
  bytes_ += batch.payload.size();
  while (bytes_ > kBytesMax) {
    after_id_ = batches_.front().id;
    bytes_ -= batches_.front().batch.payload.size();
    batches_.pop_front();
  }
}

void RecentBatches::forget(int64_t id) {
  batches_.clear();
  bytes_ = 0;
  after_id_ = id;
}

std::optional<std::vector<StoredBatch>> RecentBatches::after(int64_t id) const {
  if (id < after_id_) return std::nullopt;
  std::vector<StoredBatch> result;
  for (auto batch = batches_.rbegin(); batch != batches_.rend() && batch->id > id; ++batch) result.push_back(*batch);
  return std::vector<StoredBatch>(result.rbegin(), result.rend());
}

}  // namespace tributary
