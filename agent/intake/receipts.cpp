#include "intake/receipts.h"

#include "wire/convert.h"

namespace tributary {
namespace {

constexpr ptrdiff_t kManyBatches = 4;  // half of what a child has in flight at most (link.proto)
constexpr uint64_t kManyBytes = 128 << 10;

}  // namespace

void Receipts::received(const Batch& batch) {
  received_bytes_ += bytes_in_flight(batch);
  if (batch.is_last_part) ends_.push_back({batch.to, received_bytes_});
}

bool Receipts::is_much(const Position& applied, uint64_t consumed_bytes) const {
  return consumed_bytes - consumed_bytes_ >= kManyBytes || ends_up_to(ends_, applied) >= kManyBatches;
}

link::Ack Receipts::acknowledge(const Position& applied, uint64_t consumed_bytes) {
  link::Ack ack;
  const auto behind = ends_.begin() + ends_up_to(ends_, applied);
  const bool is_end = behind != ends_.begin() && behind[-1].to == applied && behind[-1].bytes == consumed_bytes;
  if (is_end) {
    ack.set_batches(static_cast<uint32_t>(behind - ends_.begin()));
    ack.set_chain(static_cast<uint32_t>(applied.chain));
  } else {
    write_position(ack.mutable_applied(), applied);
    ack.set_consumed_bytes(consumed_bytes);
  }
  ends_.erase(ends_.begin(), behind);
  consumed_bytes_ = consumed_bytes;
  return ack;
}

}  // namespace tributary
