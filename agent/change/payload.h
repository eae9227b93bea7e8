// The payload of a batch: changes as bytes. Written once at the end of capture, read once at the start of apply;
// queue and link carry it compressed and unopened.
//
//   payload     = ( change* commit )*          a part of a large transaction that is not its last has no commit
//   change      = 'I' relation tuple           insert: a whole row that the parent should not have yet
//               | 'P' relation tuple           put: a whole row, whether the parent has it or not
//               | 'U' relation tuple           new values of a row that the parent has; may hold "unchanged"
//               | 'D' relation tuple           delete; the key's columns are set, the others null
//               | 'T' relation                 clear: TRUNCATE at the child
//               | 'S' relation tuple           stale: this key (as in 'D') needs a refresh; its row could not be sent
//               whole
//               | 'R' relation u32 length, chunk    refresh: what the rows of a key range are (change/chunk.h)
//               | 'G' relation u32 length, digest   digest of the rows of a key range (change/digest.h)
//               'R' and 'G' are the only change of their transaction
//   commit      = 'C' u32 xid, u64 end LSN, i64 commit time (microseconds since 2000-01-01)
//   relation    = u16 index into the batch's list of shape ids
//   tuple       = u16 number of columns, then per column: 'n' (null) | 'u' (unchanged)
//               | 't' u32 length, bytes (text format, UTF-8)
// All integers big-endian. A tuple is pgoutput's TupleData, byte for byte
// (https://www.postgresql.org/docs/15/protocol-logicalrep-message-formats.html).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "change/position.h"

namespace tributary {

enum class ValueKind : char { null = 'n', unchanged = 'u', text = 't' };

struct Value {
  ValueKind kind = ValueKind::null;
  std::string_view text;
};

// Reads one tuple into `values`, whose storage is reused; the views point into the reader's bytes.
// Throws Error of kind protocol on an unknown column tag or a short read.
void read_tuple(ByteReader& in, std::vector<Value>& values);
void write_tuple(std::string& out, const std::vector<Value>& values);
// The bytes of the next tuple, which are moved past without a look at the values.
std::string_view take_tuple(ByteReader& in);

enum class ChangeKind : char {
  insert = 'I',
  put = 'P',
  patch = 'U',
  remove = 'D',
  clear = 'T',
  stale = 'S',
  chunk = 'R',
  digest = 'G',
};

struct ChangeView {
  ChangeKind kind = ChangeKind::put;
  uint16_t relation = 0;
  std::string_view tuple;  // the tuple's bytes, the chunk's or the digest's; empty for clear
};

// One record of a payload: a change or a commit.
using Record = std::variant<ChangeView, Commit>;

class PayloadReader {
 public:
  explicit PayloadReader(std::string_view payload) : in_(payload) {}
  bool at_end() const { return in_.empty(); }
  Record next();  // throws Error of kind protocol on anything malformed
  const char* position() const { return in_.position(); }

 private:
  ByteReader in_;
};

void write_change(std::string& out, ChangeKind kind, uint16_t relation, std::string_view tuple);
void write_commit(std::string& out, const Commit& commit);

}  // namespace tributary
