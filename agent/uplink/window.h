// What a child has in flight to its parent, and what an acknowledgement may say. Pure.
#pragma once

#include <cstdint>
#include <deque>

#include "change/position.h"

namespace tributary {

class Window {
 public:
  Window(Position applied, uint64_t bytes_max) : applied_(applied), sent_(applied), bytes_max_(bytes_max) {}

  // One more batch may be sent: something is always let through, however large.
  bool has_room() const { return sent_bytes_ - consumed_bytes_ < bytes_max_; }
  void sent(const Position& to, bool is_last_part, uint64_t payload_bytes);
  // Error(protocol) when the parent claims what was never sent, or another stream, or goes backwards.
  // Returns true when the applied position moved.
  bool acknowledged(const Position& applied, uint64_t consumed_bytes);

  const Position& sent_position() const { return sent_; }
  const Position& applied_position() const { return applied_; }
  size_t batches_in_flight() const { return in_flight_.size(); }

 private:
  Position applied_;
  Position sent_;
  uint64_t bytes_max_;
  uint64_t sent_bytes_ = 0;
  uint64_t consumed_bytes_ = 0;
  std::deque<Position> in_flight_;  // ends of the batches sent and not applied
};

}  // namespace tributary
