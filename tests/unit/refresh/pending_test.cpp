#include "refresh/pending.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "change/chunk.h"

namespace tributary {
namespace {

constexpr uint32_t kTable = 1, kOther = 2;
const std::vector<size_t> kKey = {0};
constexpr const char* kSame = "=";

// id (the key), title, body.
std::string row(const char* id, const char* title, const char* body) {
  std::vector<Value> values;
  for (const char* value : {id, title, body})
    values.push_back(value == kSame ? Value{ValueKind::unchanged, {}} : Value{ValueKind::text, value});
  std::string tuple;
  write_tuple(tuple, values);
  return tuple;
}

std::string key(const char* id) {
  return *key_of(row(id, "", ""), kKey);
}

class PendingTest : public testing::Test {
 protected:
  PendingTest() { start("100:100:", 100); }

  void start(const char* snapshot, uint64_t own_xid) {
    pending.start();
    pending.set_earlier(Snapshot::parse(snapshot), own_xid);
  }

  void change(ChangeKind kind, const std::string& tuple, uint32_t table = kTable) {
    pending.change(table, kind, tuple, kKey);
  }
  void transaction(uint32_t xid, ChangeKind kind, const std::string& tuple) {
    pending.begin(xid, true);
    change(kind, tuple);
    pending.commit();
  }
  std::optional<Window> window(const char* snapshot) { return pending.window(kTable, Snapshot::parse(snapshot)); }

  Pending pending{{.bytes = 10'000, .keys_per_table = 5}};
};

TEST_F(PendingTest, a_window_has_the_keys_of_what_the_snapshot_does_not_see) {
  transaction(101, ChangeKind::insert, row("seen", "t", "b"));
  transaction(102, ChangeKind::insert, row("hidden", "t", "b"));
  transaction(103, ChangeKind::remove, row("seen later", "", ""));
  transaction(104, ChangeKind::put, row("after", "t", "b"));
  const auto found = window("102:104:102");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), 2u);
  EXPECT_EQ(found->at(key("hidden")).last, WindowKey::Last::settled);
  EXPECT_EQ(found->at(key("after")).last, WindowKey::Last::settled);
}

TEST_F(PendingTest, keys_are_counted_when_the_transaction_commits) {
  pending.begin(101, true);
  change(ChangeKind::insert, row("open", "t", "b"));
  EXPECT_TRUE(window("100:101:")->empty());
  pending.commit();
  EXPECT_EQ(window("100:101:")->size(), 1u);
}

TEST_F(PendingTest, other_tables_have_other_windows) {
  pending.begin(101, true);
  change(ChangeKind::clear, {}, kOther);
  pending.commit();
  EXPECT_TRUE(window("100:101:")->empty());
  EXPECT_FALSE(pending.window(kOther, Snapshot::parse("100:101:")));
}

TEST_F(PendingTest, single_columns_come_with_what_they_stand_on) {
  transaction(101, ChangeKind::patch, row("a", "one", kSame));
  transaction(102, ChangeKind::patch, row("a", "two", kSame));
  transaction(103, ChangeKind::put, row("b", "three", "whole"));
  transaction(104, ChangeKind::patch, row("b", "four", kSame));
  transaction(105, ChangeKind::patch, row("c", "five", kSame));
  transaction(106, ChangeKind::remove, row("c", "", ""));
  const auto found = window("100:100:");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at(key("a")).last, WindowKey::Last::part);
  EXPECT_EQ(found->at(key("a")).tuple, row("a", "two", kSame));
  EXPECT_EQ(found->at(key("b")).last, WindowKey::Last::whole);
  EXPECT_EQ(found->at(key("b")).tuple, row("b", "four", "whole"));
  EXPECT_EQ(found->at(key("c")).last, WindowKey::Last::settled);
}

TEST_F(PendingTest, single_columns_of_a_deleted_row_leave_no_window) {
  transaction(101, ChangeKind::remove, row("a", "", ""));
  transaction(102, ChangeKind::patch, row("a", "two", kSame));
  EXPECT_FALSE(window("100:100:"));
}

TEST_F(PendingTest, without_the_keys_there_is_no_window) {
  pending.begin(101, false);
  change(ChangeKind::insert, row("a", "t", "b"));
  pending.commit();
  EXPECT_FALSE(window("100:101:"));
  EXPECT_TRUE(window("102:102:"));
}

TEST_F(PendingTest, a_clear_or_a_stale_row_or_too_many_keys_leave_no_window) {
  transaction(101, ChangeKind::clear, {});
  EXPECT_FALSE(window("101:101:"));
  transaction(102, ChangeKind::stale, row("a", "", ""));
  EXPECT_FALSE(window("102:102:"));
  pending.begin(103, true);
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) change(ChangeKind::insert, row(id, "t", "b"));
  pending.commit();
  EXPECT_FALSE(window("103:103:"));
  for (uint32_t xid = 104; xid < 110; ++xid)
    transaction(xid, ChangeKind::insert, row(std::to_string(xid).c_str(), "t", "b"));
  EXPECT_FALSE(window("104:104:")) << "six keys over several transactions";
  EXPECT_TRUE(window("105:105:"));
}

TEST_F(PendingTest, keys_that_need_too_much_memory_are_forgotten_until_the_transaction_is_seen) {
  transaction(101, ChangeKind::insert, row("a", "t", "b"));
  transaction(102, ChangeKind::insert, row("b", "t", std::string(20'000, 'x').c_str()));
  EXPECT_FALSE(window("101:101:"));
  EXPECT_FALSE(window("102:102:"));
  pending.prune(Snapshot::parse("103:103:"));
  transaction(104, ChangeKind::insert, row("c", "t", "b"));
  EXPECT_EQ(window("103:103:")->size(), 1u);
}

TEST_F(PendingTest, what_is_pruned_is_what_is_seen) {
  transaction(101, ChangeKind::insert, row("a", "t", "b"));
  transaction(102, ChangeKind::insert, row("b", "t", "b"));
  pending.prune(Snapshot::parse("101:103:101"));
  EXPECT_EQ(window("101:103:101")->size(), 1u);
}

TEST_F(PendingTest, what_began_before_the_start_is_waited_for_until_it_is_seen_or_decoded) {
  // 104 has ended; 103 runs; 105 and 106 were given out, and none behind 104 has ended.
  start("103:105:103", 107);
  EXPECT_TRUE(pending.waits_for_earlier(Snapshot::parse("103:105:103")));
  EXPECT_FALSE(window("103:110:103"));
  EXPECT_FALSE(window("105:110:105")) << "not in the list of the snapshot, but below the own identifier";
  EXPECT_TRUE(window("107:110:"));
  EXPECT_TRUE(window("107:110:108")) << "begun after the start: the stream brings it";
  transaction(103, ChangeKind::insert, row("a", "t", "b"));
  EXPECT_EQ(window("103:110:103")->size(), 1u);
}

TEST_F(PendingTest, a_transaction_that_was_open_at_the_start_has_unknown_keys) {
  start("103:103:", 104);
  pending.begin(103, false);
  change(ChangeKind::insert, row("a", "t", "b"));
  pending.commit();
  EXPECT_FALSE(window("103:105:103"));
  EXPECT_TRUE(window("104:105:"));
}

TEST_F(PendingTest, stopped_it_remembers_nothing) {
  pending.stop();
  transaction(101, ChangeKind::insert, row("a", "t", "b"));
  EXPECT_FALSE(window("200:200:"));
  start("102:102:", 102);
  EXPECT_TRUE(window("102:102:")->empty());
}

TEST_F(PendingTest, what_comes_before_the_snapshot_was_taken_is_remembered) {
  pending.start();
  transaction(105, ChangeKind::insert, row("a", "t", "b"));
  EXPECT_FALSE(window("100:106:105"));
  pending.set_earlier(Snapshot::parse("104:104:"), 104);
  EXPECT_EQ(window("104:106:105")->size(), 1u);
}

TEST_F(PendingTest, too_many_earlier_transactions_are_not_kept) {
  EXPECT_THROW(pending.set_earlier(Snapshot::parse("5:5:"), 5'000'000), Error);
}

TEST_F(PendingTest, identifiers_come_short) {
  const uint64_t era = 3ULL << 32;
  pending.start();
  pending.set_earlier(Snapshot{era + 5, era + 5, {}}, era + 5);
  pending.begin(6, true);
  change(ChangeKind::insert, row("a", "t", "b"));
  pending.commit();
  EXPECT_EQ(pending.window(kTable, Snapshot{era + 6, era + 6, {}})->size(), 1u);
  EXPECT_TRUE(pending.window(kTable, Snapshot{era + 7, era + 7, {}})->empty());
}

}  // namespace
}  // namespace tributary
