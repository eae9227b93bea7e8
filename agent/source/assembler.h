// Turns the messages of the stream into batches: transactions, whole rows, keys. Pure: bytes in, batches out.
//
//   wal stream ─▶ row messages with the filter's verdicts ─▶ Assembler ─▶ batches ─▶ queue
//
// Promises: what leaves is a function of rows that the filter lets out; a row that becomes visible leaves whole or as a
// stale key; a key change leaves as a delete and a whole insert; transactions that the queue has already are skipped;
// memory is bounded by the caller taking what is ready (a large transaction leaves in parts before its end).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "change/batch.h"
#include "source/captured_table.h"
#include "source/pgoutput.h"

namespace tributary {

// What the row filter says of a row. `unknown`: PostgreSQL could not evaluate it (a renamed enum label on an old row;
// such a new row must not leave).
enum class Verdict { no, yes, unknown };

struct Assembled {
  std::vector<Batch> batches;         // payloads not compressed
  std::vector<Relation> relations;    // shapes used for the first time
  std::optional<Commit> last_commit;  // of the last transaction in the batches
  Lsn confirm_lsn;                    // everything before it is in the batches, or was before, or needs no place
  uint64_t transactions = 0;
  uint64_t changes = 0;
};

class Assembler {
 public:
  static constexpr size_t kBatchBytes = 1 << 20;  // a batch of whole transactions is closed when it is larger
  static constexpr size_t kPartBytes = 4 << 20;   // a transaction larger than this leaves in parts

  // Continues after `head`. `last_stored` is the queue's last transaction; `is_slot_behind`: the slot stands before it,
  // so it must come by again, with the same xid and time.
  Assembler(Position head, std::optional<Commit> last_stored, bool is_slot_behind);

  // Told of every change that is written, with its tuple (empty for a clear), which lives during the call.
  using Watch = std::function<void(const CapturedTable& table, ChangeKind kind, std::string_view tuple)>;
  void watch(Watch watch) { watch_ = std::move(watch); }

  void define(CapturedTable table);
  void forget(uint32_t oid) { tables_.erase(oid); }
  // From the next transaction on, changes of these tables ("schema.table") are left out, and of no others.
  void leave_out(std::set<std::string> tables) { next_left_out_ = std::move(tables); }
  // At once. The open transaction has no change of the table.
  void take_in(const std::string& table);
  bool is_left_out(const std::string& table) const { return left_out_.contains(table); }
  const CapturedTable* table(uint32_t oid) const;

  void begin(const BeginMessage& message);
  // For tables that PostgreSQL filters, or that have no filter, both verdicts are yes. That of a new row is known.
  // Throws Error(stream_lost) for an update or delete that was logged without the columns that its table needs of it.
  void row(const CapturedTable& table, const RowMessage& message, Verdict old_verdict, Verdict new_verdict);
  void clear(const CapturedTable& table);
  // What a refresh found of a table (a chunk or a digest), as the only change of the open transaction, whose parts it
  // never is. `rows`: how many a chunk has.
  void refresh(ChangeKind kind, const Relation& shape, std::string_view body, size_t rows);
  // Throws Error(stream_lost) when the history is not the one that the queue stores.
  void commit(const CommitMessage& message);
  void keepalive(Lsn end);  // throws as commit does

  const Position& head() const { return head_; }
  bool is_in_transaction() const { return is_open_; }
  bool is_skipping() const { return is_skipping_; }
  // Something that must reach the queue.
  bool has_changes() const { return !ready_.batches.empty() || transactions_end_ > 0; }
  size_t pending_bytes() const { return ready_bytes_ + payload_.size(); }
  Lsn confirm_lsn() const { return confirm_lsn_; }
  // Everything up to the last whole transaction, and the closed parts of an open one.
  Assembled take();
  // A payload that is not needed any more: its memory is written again, instead of other that has to be had first.
  void reuse(std::string payload);

 private:
  bool is_skipped(const CapturedTable& table) const {
    return is_skipping_ || (!left_out_.empty() && is_left_out(table.sent.full_name()));
  }
  uint16_t relation_index(const CapturedTable& table);
  void write_out_values(ChangeKind kind, const CapturedTable& table);
  void put_change(ChangeKind kind, const CapturedTable& table, std::string_view tuple);
  void write(ChangeKind kind, const CapturedTable& table, std::string_view wire_tuple);
  void write_values(ChangeKind kind, const CapturedTable& table, const std::vector<Value>& wire_values);
  void write_key(ChangeKind kind, const CapturedTable& table, const std::vector<Value>& wire_values);
  void write_whole(ChangeKind kind, const CapturedTable& table, const RowMessage& message);
  void close_batch(size_t bytes, uint32_t changes, Position to);
  void close_part_if_large();

  Position head_;  // after the last whole transaction
  std::optional<Commit> last_stored_;
  bool is_last_stored_expected_;
  Lsn confirm_lsn_;

  Watch watch_;
  std::map<uint32_t, CapturedTable> tables_;
  std::set<uint64_t> known_shapes_;
  std::set<std::string> left_out_, next_left_out_;

  // The open transaction.
  bool is_open_ = false;
  bool is_skipping_ = false;
  BeginMessage begun_;
  uint32_t next_part_ = 0;

  // The open batch: whole transactions up to transactions_end_, then the open transaction's changes.
  std::string payload_;
  std::vector<std::string> spare_payloads_;  // empty
  size_t transactions_end_ = 0;
  uint32_t changes_ = 0;           // in payload_
  uint32_t changes_of_whole_ = 0;  // before transactions_end_
  Position batch_from_;
  int64_t first_commit_time_ = 0;
  std::vector<uint64_t> relations_;
  std::map<uint32_t, uint16_t> relation_indexes_;

  Assembled ready_;
  size_t ready_bytes_ = 0;
  std::vector<Value> new_values_, old_values_, out_values_;
  std::string out_tuple_;
};

}  // namespace tributary
