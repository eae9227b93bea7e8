// Whether the stream that the queue knows can be continued from the slot that the source has (exact-rules.md 1 and 2).
//
// PostgreSQL is silent about every disagreement between a slot and its reader, so it is looked for before a row is
// read: a clone, a restored backup, a lost slot, a queue that lost its tail, a failover that lost commits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "change/position.h"

namespace tributary {

// What the queue says.
struct QueueFacts {
  Uuid stream;  // nil: none yet
  std::string system_identifier;
  uint32_t timeline = 0;
  std::vector<Uuid> nonces;
  Lsn confirm_lsn;
  Lsn last_end_lsn;          // end of the last stored transaction; 0: none
  std::string break_reason;  // the parent cannot continue this stream
};

// What the source says.
struct SourceFacts {
  struct Slot {
    bool is_lost = false;
    Lsn confirmed_flush;
  };
  struct StreamRow {
    Uuid stream;
    Uuid nonce;
  };
  std::string system_identifier;
  uint32_t timeline = 0;
  Lsn flush_lsn;
  std::optional<Lsn> switch_point;  // where the queue's timeline ended, when the server is on another one
  std::optional<Slot> slot;
  std::optional<StreamRow> stream_row;
};

// Empty: continue. Otherwise why a new stream must begin, in words for a person.
std::string reason_for_new_stream(const QueueFacts& queue, const SourceFacts& source);

}  // namespace tributary
