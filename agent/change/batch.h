// A batch: one or more whole consecutive transactions, or a numbered part of one large transaction, as it is stored
// in the queue and sent to the parent.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "change/position.h"

namespace tributary {

enum class BatchKind : uint8_t {
  changes = 0,
  new_stream = 1,  // stream `to.stream` begins after position `from` of another (or no) stream; `reason` says why
};

struct Batch {
  BatchKind kind = BatchKind::changes;
  Position from;                    // the position it follows
  Position to;                      // the position it reaches; of a part that is not the last: equal to `from`
  uint32_t part = 0;                // of one large transaction: 0, 1, 2, ...; otherwise 0
  bool is_last_part = true;         // false: more parts of the same transaction follow
  std::vector<uint64_t> relations;  // shape ids; a change names its relation by the index into this list
  uint64_t raw_bytes = 0;           // size of the payload before compression
  uint32_t changes = 0;             // number of changes in the payload
  int64_t first_commit_time = 0;    // of the transactions in it, microseconds since 2000-01-01; 0: unknown yet
  std::string reason;               // of a new stream, for people
  std::string payload;              // in queue and on the link: one zstd frame with checksum; see change/payload.h
};

// What a batch in flight counts against its child's window, at both ends of the link: about what the parent keeps of it
// until it is applied. Many small batches, or long lists of tables, take memory that is in no payload.
inline uint64_t bytes_in_flight(const Batch& batch) {
  constexpr uint64_t kBatchBytes = 512;  // itself, and where it ends in three lists
  return kBatchBytes + 8 * batch.relations.size() + batch.reason.size() + batch.payload.size();
}

// How many of `ends`, the ends of consecutive batches in their order (each with its position `to`), lie up to
// `applied`. What comes before it may end another stream, which this one followed.
template <typename Ends>
ptrdiff_t ends_up_to(const Ends& ends, const Position& applied) {
  const auto last = std::find_if(ends.rbegin(), ends.rend(), [&](const auto& end) {
    return end.to.stream == applied.stream && end.to.seq <= applied.seq;
  });
  return ends.rend() - last;
}

}  // namespace tributary
