// Positions: places in a node's stream of changes.
//
// A position is ordered only inside its stream. `seq` counts the stream's transactions, densely; `chain` is a hash
// over every transaction up to here, so that two histories that share a seq are told apart, and so that it stays the
// same when transactions are packed into other batches.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/uuid.h"

namespace tributary {

// A place in PostgreSQL's write-ahead log, in bytes since its beginning; 0 means none.
struct Lsn {
  uint64_t value = 0;

  static Lsn parse(std::string_view text);  // "16/B374D848"; throws Error of kind protocol
  std::string to_string() const;
  friend auto operator<=>(const Lsn&, const Lsn&) = default;
};

struct Position {
  Uuid stream;        // nil: no stream, the place before the first one
  uint64_t seq = 0;   // 0: the beginning of the stream
  Lsn end_lsn;        // end of the commit record of transaction `seq` (pgoutput's Commit message)
  uint64_t chain = 0;

  bool is_nil() const { return stream.is_nil(); }
  std::string to_string() const;  // "<first 8 digits of stream>/seq@lsn", for people
  friend bool operator==(const Position&, const Position&) = default;
};

// What identifies one transaction of the source.
struct Commit {
  uint32_t xid = 0;
  Lsn end_lsn;
  int64_t time = 0;  // microseconds since 2000-01-01 UTC, by the source's clock
  friend bool operator==(const Commit&, const Commit&) = default;
};

// The position after one more transaction.
Position advance(const Position& position, const Commit& commit);

}  // namespace tributary
