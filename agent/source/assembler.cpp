#include "source/assembler.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace tributary {

namespace {

// Memory that comes from the system, and is used often: that of batches of some size while much is captured.
constexpr size_t kSparesMax = 4;
constexpr size_t kSpareBytesMin = 64 << 10;
constexpr size_t kSpareBytesMax = 2 * Assembler::kBatchBytes;

void read_values(std::string_view tuple, const CapturedTable& table, std::vector<Value>& values) {
  ByteReader in(tuple);
  read_tuple(in, values);
  if (values.size() != table.wire_columns)
    throw Error(ErrorKind::protocol,
                "pgoutput: a row of " + table.sent.full_name() + " does not have its table's shape");
}

bool is_same_key(const CapturedTable& table, const std::vector<Value>& a, const std::vector<Value>& b) {
  for (const uint16_t column : table.key_columns)
    if (a[column].kind != b[column].kind || a[column].text != b[column].text) return false;
  return true;
}

// A key value too large to be in the new tuple again is as it was; both kinds of old tuple have it.
void fill_key(const CapturedTable& table, const std::vector<Value>& old_values, std::vector<Value>& new_values) {
  for (const uint16_t column : table.key_columns)
    if (new_values[column].kind == ValueKind::unchanged) new_values[column] = old_values[column];
}

bool has_unchanged(const std::vector<Value>& values) {
  return std::any_of(values.begin(), values.end(), [](const Value& v) { return v.kind == ValueKind::unchanged; });
}

Error history_differs() {
  return {ErrorKind::stream_lost, "the last captured transaction is not in the database's WAL: its history differs"};
}

Error changes_unknown(const CapturedTable& table) {
  return {ErrorKind::stream_lost, "rows of " + table.sent.full_name() +
                                      " were changed while its replica identity lacked " + table.identity_lacked};
}

}  // namespace

Assembler::Assembler(Position head, std::optional<Commit> last_stored, bool is_slot_behind)
    : head_(head),
      last_stored_(last_stored),
      is_last_stored_expected_(last_stored && is_slot_behind),
      batch_from_(head) {}

void Assembler::define(CapturedTable table) {
  const uint64_t shape = table.sent.shape_id();
  if (known_shapes_.insert(shape).second) ready_.relations.push_back(table.sent);
  relation_indexes_.erase(table.oid);
  const uint32_t oid = table.oid;
  tables_.insert_or_assign(oid, std::move(table));
}

const CapturedTable* Assembler::table(uint32_t oid) const {
  const auto found = tables_.find(oid);
  return found == tables_.end() ? nullptr : &found->second;
}

void Assembler::take_in(const std::string& table) {
  left_out_.erase(table);
  next_left_out_.erase(table);
}

void Assembler::begin(const BeginMessage& message) {
  if (is_open_) throw Error(ErrorKind::protocol, "pgoutput: a transaction begins inside another");
  is_open_ = true;
  left_out_ = next_left_out_;
  begun_ = message;
  next_part_ = 0;
  // The commit record starts before the end of the last stored transaction: it is stored, or is it.
  is_skipping_ = last_stored_ && message.final_lsn < last_stored_->end_lsn;
  if (!is_skipping_ && is_last_stored_expected_) throw history_differs();
}

void Assembler::commit(const CommitMessage& message) {
  if (!is_open_) throw Error(ErrorKind::protocol, "pgoutput: a commit without its begin");
  const Commit commit{begun_.xid, message.end_lsn, message.time};
  is_open_ = false;
  confirm_lsn_ = std::max(confirm_lsn_, message.end_lsn);
  if (is_skipping_) {
    is_skipping_ = false;
    if (message.end_lsn < last_stored_->end_lsn) return;
    if (commit != *last_stored_) throw history_differs();
    is_last_stored_expected_ = false;
    return;
  }
  const bool is_empty = payload_.size() == transactions_end_ && next_part_ == 0;
  if (is_empty) return;

  write_commit(payload_, commit);
  head_ = advance(head_, commit);
  ready_.last_commit = commit;
  ++ready_.transactions;
  if (transactions_end_ == 0) first_commit_time_ = message.time;
  transactions_end_ = payload_.size();
  changes_of_whole_ = changes_;
  if (next_part_ == 0 && payload_.size() < kBatchBytes) return;
  // Where the transaction has left in parts, this is the last one.
  close_batch(payload_.size(), changes_, head_);
  ready_.batches.back().part = next_part_;
}

void Assembler::keepalive(Lsn end) {
  if (is_open_) return;
  if (is_last_stored_expected_ && end >= last_stored_->end_lsn) throw history_differs();
  confirm_lsn_ = std::max(confirm_lsn_, end);
}

void Assembler::row(const CapturedTable& table, const RowMessage& message, Verdict old_verdict, Verdict new_verdict) {
  if (is_skipped(table)) return;
  const bool is_insert = message.kind == 'I', is_delete = message.kind == 'D';
  if (is_insert) old_verdict = Verdict::no;
  if (is_delete) new_verdict = Verdict::no;
  if (!is_insert && !table.identity_lacked.empty()) throw changes_unknown(table);
  if (new_verdict == Verdict::unknown)
    throw Error(ErrorKind::internal, "a new row of " + table.sent.full_name() + " has no verdict of its row filter");

  // The common ones: nothing has to be looked at.
  if (!message.old_kind && new_verdict == Verdict::yes && (is_insert || old_verdict == Verdict::yes)) {
    if (is_insert)
      write_whole(ChangeKind::insert, table, message);
    else if (!message.new_has_unchanged)
      write(ChangeKind::put, table, message.new_tuple);
    else
      write(ChangeKind::patch, table, message.new_tuple);
    close_part_if_large();
    return;
  }

  if (!is_delete) read_values(message.new_tuple, table, new_values_);
  if (message.old_kind)
    read_values(message.old_tuple, table, old_values_);
  else
    old_values_ = new_values_;  // an update without an old tuple left the identity, and so the key, as it was
  if (!is_insert && !is_delete) fill_key(table, old_values_, new_values_);
  const bool is_key_changed = !is_insert && !is_delete && !is_same_key(table, old_values_, new_values_);

  if (old_verdict == Verdict::yes && new_verdict == Verdict::yes && !is_key_changed) {
    if (message.new_has_unchanged)
      write_values(has_unchanged(new_values_) ? ChangeKind::patch : ChangeKind::put, table, new_values_);
    else
      write(ChangeKind::put, table, message.new_tuple);
  } else {
    if (old_verdict == Verdict::yes) write_key(ChangeKind::remove, table, old_values_);
    // The parent may have the old row; a whole row of the same key replaces it whether it has or not.
    if (old_verdict == Verdict::unknown && (new_verdict == Verdict::no || is_key_changed))
      write_key(ChangeKind::stale, table, old_values_);
    // Of an unknown old row the parent may have one of this key.
    const auto kind = old_verdict == Verdict::unknown ? ChangeKind::put : ChangeKind::insert;
    if (new_verdict == Verdict::yes) write_whole(kind, table, message);
  }
  close_part_if_large();
}

void Assembler::clear(const CapturedTable& table) {
  if (is_skipped(table)) return;
  put_change(ChangeKind::clear, table, {});
  close_part_if_large();
}

void Assembler::refresh(ChangeKind kind, const Relation& shape, std::string_view body, size_t rows) {
  const uint64_t id = shape.shape_id();
  if (known_shapes_.insert(id).second) ready_.relations.push_back(shape);
  auto place = std::find(relations_.begin(), relations_.end(), id);
  if (place == relations_.end()) place = relations_.insert(place, id);
  write_change(payload_, kind, static_cast<uint16_t>(place - relations_.begin()), body);
  changes_ += 1 + static_cast<uint32_t>(rows);
}

// The new row with every value: what is unchanged comes from the whole old row (REPLICA IDENTITY FULL), if there is
// one.
void Assembler::write_whole(ChangeKind kind, const CapturedTable& table, const RowMessage& message) {
  if (!message.new_has_unchanged) return write(kind, table, message.new_tuple);
  read_values(message.new_tuple, table, new_values_);
  if (message.old_kind) {
    read_values(message.old_tuple, table, old_values_);
    fill_key(table, old_values_, new_values_);
  }
  if (message.old_kind == 'O')
    for (size_t i = 0; i < new_values_.size(); ++i)
      if (new_values_[i].kind == ValueKind::unchanged) new_values_[i] = old_values_[i];
  if (has_unchanged(new_values_))
    write_key(ChangeKind::stale, table, new_values_);
  else
    write_values(kind, table, new_values_);
}

void Assembler::write(ChangeKind kind, const CapturedTable& table, std::string_view wire_tuple) {
  if (table.sends_every_column()) {
    put_change(kind, table, wire_tuple);
    return;
  }
  read_values(wire_tuple, table, new_values_);
  write_values(kind, table, new_values_);
}

void Assembler::write_values(ChangeKind kind, const CapturedTable& table, const std::vector<Value>& wire_values) {
  out_values_.clear();
  for (const uint16_t column : table.sent_columns) out_values_.push_back(wire_values[column]);
  write_out_values(kind, table);
}

void Assembler::write_key(ChangeKind kind, const CapturedTable& table, const std::vector<Value>& wire_values) {
  out_values_.clear();
  for (size_t i = 0; i < table.sent_columns.size(); ++i)
    out_values_.push_back(table.sent.columns[i].is_key ? wire_values[table.sent_columns[i]] : Value{});
  write_out_values(kind, table);
}

void Assembler::write_out_values(ChangeKind kind, const CapturedTable& table) {
  out_tuple_.clear();
  write_tuple(out_tuple_, out_values_);
  put_change(kind, table, out_tuple_);
}

void Assembler::put_change(ChangeKind kind, const CapturedTable& table, std::string_view tuple) {
  write_change(payload_, kind, relation_index(table), tuple);
  ++changes_;
  if (watch_) watch_(table, kind, tuple);
}

uint16_t Assembler::relation_index(const CapturedTable& table) {
  const auto [place, is_new] = relation_indexes_.try_emplace(table.oid, static_cast<uint16_t>(relations_.size()));
  if (is_new) relations_.push_back(table.sent.shape_id());
  return place->second;
}

// Moves the first `bytes` of the open batch, whole transactions that end at `to`, to what is ready.
void Assembler::close_batch(size_t bytes, uint32_t changes, Position to) {
  Batch& batch = ready_.batches.emplace_back();
  batch.from = batch_from_;
  batch.to = to;
  batch.changes = changes;
  batch.first_commit_time = first_commit_time_;
  batch.relations = relations_;
  batch.raw_bytes = bytes;
  ready_.changes += changes;
  ready_bytes_ += bytes;
  if (bytes == payload_.size()) {
    batch.payload = std::exchange(payload_, {});
    if (!spare_payloads_.empty()) {
      payload_ = std::move(spare_payloads_.back());
      spare_payloads_.pop_back();
    }
    relations_.clear();
    relation_indexes_.clear();
  } else {
    // The open transaction's changes stay, with the list of relations that they refer to.
    batch.payload = payload_.substr(0, bytes);
    payload_.erase(0, bytes);
  }
  changes_ -= changes;
  changes_of_whole_ = 0;
  transactions_end_ = 0;
  batch_from_ = to;
}

void Assembler::close_part_if_large() {
  if (payload_.size() - transactions_end_ < kPartBytes) return;
  if (transactions_end_ > 0) close_batch(transactions_end_, changes_of_whole_, head_);
  close_batch(payload_.size(), changes_, head_);
  Batch& part = ready_.batches.back();
  part.part = next_part_++;
  part.is_last_part = false;
  part.first_commit_time = begun_.time;
}

Assembled Assembler::take() {
  if (transactions_end_ > 0) close_batch(transactions_end_, changes_of_whole_, head_);
  ready_.confirm_lsn = confirm_lsn_;
  ready_bytes_ = 0;
  return std::exchange(ready_, {});
}

void Assembler::reuse(std::string payload) {
  if (spare_payloads_.size() == kSparesMax || payload.capacity() < kSpareBytesMin ||
      payload.capacity() > kSpareBytesMax)
    return;
  payload.clear();
  spare_payloads_.push_back(std::move(payload));
}

}  // namespace tributary
