#include "intake/receipts.h"

#include "wire/convert.h"

namespace tributary {
namespace {

constexpr size_t kManyBatches = 4;  // half of what a child has in flight at most (link.proto)
constexpr uint64_t kManyBytes = 128 << 10;

}  // namespace

void Receipts::received(const Batch& batch) {
  received_bytes_ += bytes_in_flight(batch);
  if (batch.is_last_part) ends_.push_back({batch.to, received_bytes_});
}

size_t Receipts::batches_up_to(const Position& applied) const {
  // What lies before it may be the end of another stream, which this one followed.
  size_t count = ends_.size();
  while (count > 0 && !(ends_[count - 1].to.stream == applied.stream && ends_[count - 1].to.seq <= applied.seq))
    --count;
  return count;
}

bool Receipts::is_much(const Position& applied, uint64_t consumed_bytes) const {
  return consumed_bytes - consumed_bytes_ >= kManyBytes || batches_up_to(applied) >= kManyBatches;
}

link::Ack Receipts::acknowledge(const Position& applied, uint64_t consumed_bytes) {
  link::Ack ack;
  const size_t batches = batches_up_to(applied);
  const bool is_end = batches > 0 && ends_[batches - 1].to == applied && ends_[batches - 1].bytes == consumed_bytes;
  if (is_end) {
    ack.set_batches(static_cast<uint32_t>(batches));
    ack.set_chain(static_cast<uint32_t>(applied.chain));
  } else {
    write_position(ack.mutable_applied(), applied);
    ack.set_consumed_bytes(consumed_bytes);
  }
  ends_.erase(ends_.begin(), ends_.begin() + static_cast<ptrdiff_t>(batches));
  consumed_bytes_ = consumed_bytes;
  return ack;
}

}  // namespace tributary
