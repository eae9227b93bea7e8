// What a child sent in this session and what of it was acknowledged. Pure.
#pragma once

#include <cstdint>
#include <deque>

#include "change/batch.h"
#include "link.pb.h"

namespace tributary {

class Receipts {
 public:
  void received(const Batch& batch);
  // Whether the child may have sent one more batch, however large.
  bool has_room(uint64_t window_bytes) const { return received_bytes_ - consumed_bytes_ < window_bytes; }

  // So much is committed that the child should hear of it at once: it may be waiting for that.
  bool is_much(const Position& applied, uint64_t consumed_bytes) const;
  // The shortest Ack that says it; from then on it counts as said.
  link::Ack acknowledge(const Position& applied, uint64_t consumed_bytes);

 private:
  struct End {
    Position to;
    uint64_t bytes = 0;  // all that was received up to here
  };
  std::deque<End> ends_;  // of the batches received and not acknowledged
  uint64_t received_bytes_ = 0;
  uint64_t consumed_bytes_ = 0;
};

}  // namespace tributary
