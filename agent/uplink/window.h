// What a child has in flight to its parent, and what an acknowledgement may say. Pure.
#pragma once

#include <cstdint>
#include <deque>

#include "change/position.h"

namespace tributary {

class Window {
 public:
  Window(Position applied, uint64_t bytes_max) : applied_(applied), sent_(applied), bytes_max_(bytes_max) {}

  // A few small batches in flight are enough: what comes meanwhile goes as one, with less around it.
  static constexpr size_t kSmallBatchesMax = 8;
  static constexpr uint64_t kSmallBatchesBytes = 256 << 10;

  // One more batch may be sent: something is always let through, however large.
  bool has_room() const {
    const uint64_t bytes = sent_bytes_ - consumed_bytes_;
    return bytes < bytes_max_ && (in_flight_.size() < kSmallBatchesMax || bytes >= kSmallBatchesBytes);
  }
  void sent(const Position& to, bool is_last_part, uint64_t bytes);  // see bytes_in_flight
  // Error(protocol) when the parent claims what was never sent, or another stream, or goes backwards.
  // Returns true when the applied position moved.
  bool acknowledged(const Position& applied, uint64_t consumed_bytes);
  // The same for the ends of the first `batches` in flight; `chain`: the low half of the last one's.
  bool acknowledged_batches(uint32_t batches, uint32_t chain);

  const Position& sent_position() const { return sent_; }
  const Position& applied_position() const { return applied_; }
  size_t batches_in_flight() const { return in_flight_.size(); }

 private:
  Position applied_;
  Position sent_;
  uint64_t bytes_max_;
  uint64_t sent_bytes_ = 0;
  uint64_t consumed_bytes_ = 0;
  struct Sent {
    Position to;
    uint64_t bytes = 0;  // all that was sent up to here
  };
  std::deque<Sent> in_flight_;  // ends of the batches sent and not applied
};

}  // namespace tributary
