// A stream of pgoutput's messages, told shortly, and the batches that come of it as text.
//
//   begin(700, 100); insert({"1", "one"}); commit(130);
//   taken() == "0-1: put 1 one; commit 700"
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "source/assembler.h"

namespace tributary {

class AssemblerTest : public testing::Test {
 protected:
  using Row = std::vector<const char*>;  // nullptr: NULL; kSame: unchanged
  static constexpr char kSame[] = "(same)";

  AssemblerTest() {
    head.stream = Uuid::random();
    start();
  }

  // Capture begins at the slot's position, after `head`.
  void start(std::optional<Commit> last_stored = std::nullopt, bool is_slot_behind = false) {
    assembler.emplace(head, last_stored, is_slot_behind);
    assembler->define(document());
  }
  void start_with(CapturedTable table) {
    assembler.emplace(head, std::nullopt, false);
    assembler->define(std::move(table));
  }

  // id (the key), title, body.
  static CapturedTable document() {
    CapturedTable table;
    table.oid = 1;
    table.wire_columns = 3;
    table.sent.schema = "public";
    table.sent.name = "document";
    for (const char* name : {"id", "title", "body"}) {
      Column& column = table.sent.columns.emplace_back();
      column.name = name;
      column.type_oid = 25;
      column.is_key = table.sent.columns.size() == 1;
    }
    table.sent_columns = {0, 1, 2};
    table.key_columns = {0};
    return table;
  }

  void begin(uint32_t xid, uint64_t final_lsn) { assembler->begin({Lsn{final_lsn}, time_of(xid), xid}); }
  void commit(uint64_t end_lsn) { assembler->commit({Lsn{end_lsn}, time_of(xid_)}); }
  void transaction(uint32_t xid, uint64_t lsn, const Row& row) {
    begin_of(xid, lsn);
    insert(row);
    commit(lsn + 10);
  }
  void begin_of(uint32_t xid, uint64_t lsn) {
    xid_ = xid;
    begin(xid, lsn);
  }
  static Commit commit_of(uint32_t xid, uint64_t lsn) { return {xid, Lsn{lsn + 10}, time_of(xid)}; }
  static int64_t time_of(uint32_t xid) { return 1'000'000LL * xid; }

  void insert(const Row& row, Verdict verdict = Verdict::yes) { send(message('I', 0, {}, row), Verdict::yes, verdict); }
  void update(const Row& row, Verdict old_verdict = Verdict::yes, Verdict new_verdict = Verdict::yes) {
    send(message('U', 0, {}, row), old_verdict, new_verdict);
  }
  // `old_kind`: 'K', of which only the key has a meaning, or 'O', the whole row.
  void update(char old_kind, const Row& old_row, const Row& row, Verdict old_verdict = Verdict::yes,
              Verdict new_verdict = Verdict::yes) {
    send(message('U', old_kind, old_row, row), old_verdict, new_verdict);
  }
  void remove(const Row& old_row, Verdict verdict = Verdict::yes) {
    send(message('D', 'K', old_row, {}), verdict, Verdict::yes);
  }
  void clear() { assembler->clear(*assembler->table(1)); }

  Assembled take() { return assembler->take(); }
  // Everything ready: "from-to: changes | from-to: ...".
  std::string taken() { return text_of(take()); }

  static std::string text_of(const Assembled& assembled) {
    std::string text;
    for (const Batch& batch : assembled.batches) {
      EXPECT_EQ(batch.raw_bytes, batch.payload.size());
      text += (text.empty() ? "" : " | ") + std::to_string(batch.from.seq) + "-" + std::to_string(batch.to.seq);
      if (batch.part > 0 || !batch.is_last_part) text += " part " + std::to_string(batch.part);
      if (!batch.is_last_part) text += "...";
      text += ": " + payload_text(batch);
    }
    return text;
  }

  static std::string payload_text(const Batch& batch) {
    std::string text;
    uint32_t changes = 0;
    for (PayloadReader in(batch.payload); !in.at_end();) {
      const Record record = in.next();
      if (const auto* commit = std::get_if<Commit>(&record)) {
        text += (text.empty() ? "" : "; ") + ("commit " + std::to_string(commit->xid));
        continue;
      }
      const auto& change = std::get<ChangeView>(record);
      ++changes;
      EXPECT_LT(change.relation, batch.relations.size());
      text += (text.empty() ? "" : "; ") + std::string(word_for(change.kind)) + tuple_text(change.tuple);
    }
    EXPECT_EQ(batch.changes, changes);
    return text;
  }

  std::optional<Assembler> assembler;
  Position head;

 private:
  static const char* word_for(ChangeKind kind) {
    switch (kind) {
      case ChangeKind::insert: return "insert";
      case ChangeKind::put: return "put";
      case ChangeKind::patch: return "patch";
      case ChangeKind::remove: return "remove";
      case ChangeKind::clear: return "clear";
      case ChangeKind::stale: return "stale";
      case ChangeKind::chunk: return "chunk";
      case ChangeKind::digest: return "digest";
    }
    return "?";
  }
  static std::string tuple_text(std::string_view tuple) {
    std::string text;
    if (tuple.empty()) return text;
    std::vector<Value> values;
    ByteReader in(tuple);
    read_tuple(in, values);
    for (const Value& value : values) {
      text += ' ';
      if (value.kind == ValueKind::null) text += '-';
      if (value.kind == ValueKind::unchanged) text += '=';
      if (value.kind == ValueKind::text)
        text += value.text.size() > 100 ? std::to_string(value.text.size()) + "B" : std::string(value.text);
    }
    return text;
  }
  std::string_view tuple_of(const Row& row) {
    std::vector<Value> values;
    for (const char* value : row) {
      if (!value)
        values.push_back({ValueKind::null, {}});
      else if (value == kSame)
        values.push_back({ValueKind::unchanged, {}});
      else
        values.push_back({ValueKind::text, value});
    }
    write_tuple(tuples_.emplace_back(), values);
    return tuples_.back();
  }
  RowMessage message(char kind, char old_kind, const Row& old_row, const Row& row) {
    tuples_.clear();
    RowMessage message;
    message.kind = kind;
    message.oid = 1;
    message.old_kind = old_kind;
    if (old_kind) message.old_tuple = tuple_of(old_row);
    if (kind != 'D') message.new_tuple = tuple_of(row);
    for (const char* value : row) message.new_has_unchanged = message.new_has_unchanged || value == kSame;
    return message;
  }
  void send(const RowMessage& message, Verdict old_verdict, Verdict new_verdict) {
    assembler->row(*assembler->table(1), message, old_verdict, new_verdict);
  }

  std::deque<std::string> tuples_;
  uint32_t xid_ = 0;
};

}  // namespace tributary
