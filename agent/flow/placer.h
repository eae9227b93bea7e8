// Gives what a refresh reads its place in the stream (exact-rules.md 7).
//
//   PostgreSQL ─read─▶ Placer          Placer ─mark─▶ PostgreSQL ══stream══▶ capture ─mark─▶ Placer ─▶ assembler
//
// What was read becomes the content of the transaction that its mark is, which gives it its place; what happens between
// its reading and that place is the rule of exact-rules.md 7 (refresh/pending.h, refresh/placing.h). What cannot be
// placed has to be read again. Nothing read is kept or sent before its mark came by.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/signal.h"
#include "refresh/chunk_reader.h"
#include "refresh/pending.h"
#include "refresh/placing.h"
#include "source/assembler.h"

namespace tributary {

// Something read, on its way to its place.
struct Placing {
  std::shared_ptr<const ChunkTable> table;
  ReadChunk chunk;
  std::optional<DigestForm> digest;  // none: rows
  bool may_delete_extra = false;     // of rows
  bool keeps_extra = false;          // of rows
  bool is_inspection = false;        // the rows of the set stay here: the parent is asked for its own
  bool wants_values = false;

  enum class State : uint8_t { under_way, placed, lost };  // lost: to be read again
  State state = State::under_way;
  uint64_t seq = 0;               // of its place
  PlacedDigest placed;            // of a digest
  std::set<std::string> settled;  // of a set of keys: those that are left to the stream, or are not asked after
  std::optional<std::string> up_to() const { return digest ? placed.up_to : chunk.up_to; }
  uint64_t number = 0;
};
using PlacingPtr = std::shared_ptr<Placing>;

class Placer {
 public:
  Placer(Assembler& assembler, const asio::any_io_executor& executor) : assembler_(assembler), changed_(executor) {}

  // Something came out of the stream that may matter to who waits.
  Signal& changed() { return changed_; }

  // Before the first `place`, on each new reader; `stop` when nothing is refreshed any more.
  Task<> start(ChunkReader& reader);
  void stop();
  bool is_started() const { return is_started_; }
  // Marks what was read. nullptr: a transaction from before `start` may be missing in it; to be read again later.
  Task<PlacingPtr> place(ChunkReader& reader, Placing read);
  // Forgets what no snapshot from now on can miss.
  Task<> prune(ChunkReader& reader);
  bool has_under_way() const { return !under_way_.empty(); }

  // --- from capture, in the order of the stream, after the assembler was told ---
  void begin(uint32_t xid);
  void relation(uint32_t oid);  // a table's shape was announced
  void message(const LogicalMessage& message);
  void commit();

 private:
  bool put(Placing& placing);
  void lose_all();

  Assembler& assembler_;
  Signal changed_;
  Pending pending_;
  uint32_t xid_ = 0;  // of the transaction at hand
  const std::string nonce_ = Uuid::random().to_string();
  uint64_t last_number_ = 0;
  bool is_started_ = false;
  uint64_t stops_ = 0;
  std::deque<PlacingPtr> under_way_;
  PlacingPtr at_hand_;  // its mark's transaction is open
};

}  // namespace tributary
