#include "apply/net_changes.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <optional>
#include <random>

namespace tributary {
namespace {

// A table of (key, a, b): what a child does to it, one by one and reduced.
using Row = std::pair<std::string, std::string>;
using Table = std::map<std::string, Row>;

struct Step {
  enum Kind { insert, put, whole_update, patch_a, patch_b, patch_none, remove, clear } kind;
  std::string key;
};

Value text(const std::string& value) {
  return {ValueKind::text, value};
}
const Value kUnchanged{ValueKind::unchanged, {}};

class Reduction {
 public:
  // False when the changes cannot be reduced.
  bool add(const Step& step, const std::string& a, const std::string& b) {
    const std::string& kept_a = texts_.emplace_back(a);
    const std::string& kept_b = texts_.emplace_back(b);
    const std::string& key = texts_.emplace_back(step.key);
    switch (step.kind) {
      case Step::insert: return change(ChangeKind::insert, {text(key), text(kept_a), text(kept_b)});
      case Step::put: return change(ChangeKind::put, {text(key), text(kept_a), text(kept_b)});
      case Step::whole_update: return change(ChangeKind::patch, {text(key), text(kept_a), text(kept_b)});
      case Step::patch_a: return change(ChangeKind::patch, {text(key), text(kept_a), kUnchanged});
      case Step::patch_b: return change(ChangeKind::patch, {text(key), kUnchanged, text(kept_b)});
      case Step::patch_none: return change(ChangeKind::patch, {text(key), kUnchanged, kUnchanged});
      case Step::remove: return change(ChangeKind::remove, {text(key), {}, {}});
      case Step::clear: return changes_.add(ChangeKind::clear, {});
    }
    return false;
  }

  bool change(ChangeKind kind, const std::vector<Value>& values) {
    std::string& tuple = texts_.emplace_back();
    write_tuple(tuple, values);
    return changes_.add(kind, tuple);
  }

  // Writes what came out, in the order of the statements. False: a patch met no row.
  bool apply_to(Table& table) {
    if (changes_.is_cleared()) table.clear();
    for (const RowValues row : changes_.rows({RowState::removed})) table.erase(std::string(row[0].text));
    for (const RowValues row : changes_.rows({RowState::patched})) {
      const auto found = table.find(std::string(row[0].text));
      if (found == table.end()) return false;
      if (row[1].kind == ValueKind::text) found->second.first = row[1].text;
      if (row[2].kind == ValueKind::text) found->second.second = row[2].text;
    }
    for (const RowValues row : changes_.rows({RowState::put, RowState::inserted}))
      table[std::string(row[0].text)] = Row(row[1].text, row[2].text);
    return true;
  }

  TableChanges& changes() { return changes_; }

 private:
  std::deque<std::string> texts_;
  TableChanges changes_{3, {0}};
};

// What a database does with one step; false when there is no row to update.
bool apply_step(Table& table, const Step& step, const std::string& a, const std::string& b) {
  if (step.kind == Step::clear) {
    table.clear();
    return true;
  }
  if (step.kind == Step::remove) {
    table.erase(step.key);
    return true;
  }
  if (step.kind == Step::insert || step.kind == Step::put || step.kind == Step::whole_update) {
    table[step.key] = {a, b};
    return true;
  }
  const auto found = table.find(step.key);
  if (found == table.end()) return false;
  if (step.kind == Step::patch_a) found->second.first = a;
  if (step.kind == Step::patch_b) found->second.second = b;
  return true;
}

// Both ways from the same beginning; returns whether the steps could be reduced.
bool expect_same(const std::vector<Step>& steps, const Table& beginning) {
  Table in_order = beginning, reduced = beginning;
  Reduction reduction;
  bool is_reduced = true, is_possible = true;
  for (size_t i = 0; i < steps.size(); ++i) {
    const std::string a = "a" + std::to_string(i), b = "b" + std::to_string(i);
    is_possible = is_possible && apply_step(in_order, steps[i], a, b);
    is_reduced = is_reduced && reduction.add(steps[i], a, b);
  }
  if (!is_reduced) return false;
  const bool is_written = reduction.apply_to(reduced);
  if (is_possible) {
    EXPECT_TRUE(is_written);
    EXPECT_EQ(reduced, in_order);
  }
  return true;
}

TEST(NetChanges, EveryShortSequenceOnOneKeyEndsAsInOrder) {
  const std::vector<Step::Kind> kinds = {Step::insert,  Step::put,        Step::whole_update, Step::patch_a,
                                         Step::patch_b, Step::patch_none, Step::remove,       Step::clear};
  size_t reduced = 0, sequences = 0;
  for (size_t length = 1; length <= 4; ++length) {
    size_t count = 1;
    for (size_t i = 0; i < length; ++i) count *= kinds.size();
    for (size_t number = 0; number < count; ++number) {
      std::vector<Step> steps;
      for (size_t i = 0, rest = number; i < length; ++i, rest /= kinds.size())
        steps.push_back({kinds[rest % kinds.size()], "k"});
      for (const Table& beginning : {Table{}, Table{{"k", {"old a", "old b"}}, {"other", {"x", "y"}}}}) {
        ++sequences;
        reduced += expect_same(steps, beginning) ? 1 : 0;
      }
    }
  }
  // Only a patch of a removed row is not reduced.
  EXPECT_GT(reduced, sequences / 2);
  EXPECT_LT(reduced, sequences);
}

TEST(NetChanges, RandomSequencesOnManyKeysEndAsInOrder) {
  std::mt19937 random(20240607);
  size_t reduced = 0;
  for (int round = 0; round < 400; ++round) {
    Table beginning, live;
    for (int i = 0; i < 50; ++i) beginning["k" + std::to_string(i)] = {"a", "b"};
    live = beginning;
    std::vector<Step> steps;
    for (int i = 0; i < 300; ++i) {
      Step step{static_cast<Step::Kind>(random() % Step::clear), "k" + std::to_string(random() % 100)};
      if (random() % 150 == 0) step.kind = Step::clear;
      Table tried = live;
      if (!apply_step(tried, step, "", "")) step.kind = Step::put;
      apply_step(live, step, "", "");
      steps.push_back(step);
    }
    reduced += expect_same(steps, beginning) ? 1 : 0;
  }
  EXPECT_EQ(reduced, 400u);
}

// What one key's state becomes: none, PUT, PATCH, DELETE against each incoming change; `a` and `b` of the change are
// "a1" and "b1", those of the state "a0" and "b0".
TEST(NetChanges, EveryStateMeetsEveryChange) {
  enum State { none, put, patch, removed };
  const auto state_text = [](Reduction& reduction) -> std::string {
    TableChanges& changes = reduction.changes();
    const auto value = [](const Value& v) {
      return v.kind == ValueKind::unchanged ? std::string("-") : std::string(v.text);
    };
    for (const RowValues row : changes.rows({RowState::inserted})) return "PUT " + value(row[1]) + " " + value(row[2]);
    for (const RowValues row : changes.rows({RowState::put})) return "PUT " + value(row[1]) + " " + value(row[2]);
    for (const RowValues row : changes.rows({RowState::patched})) return "PATCH " + value(row[1]) + " " + value(row[2]);
    if (!changes.rows({RowState::removed}).empty()) return "DELETE";
    return changes.is_cleared() ? "CLEAR" : "none";
  };
  struct Cell {
    Step::Kind incoming;
    std::string on_none, on_put, on_patch, on_delete;
  };
  const std::string careful = "the careful way";
  for (const Cell& cell : std::vector<Cell>{{Step::insert, "PUT a1 b1", "PUT a1 b1", "PUT a1 b1", "PUT a1 b1"},
                                            {Step::put, "PUT a1 b1", "PUT a1 b1", "PUT a1 b1", "PUT a1 b1"},
                                            {Step::whole_update, "PUT a1 b1", "PUT a1 b1", "PUT a1 b1", "PUT a1 b1"},
                                            {Step::patch_a, "PATCH a1 -", "PUT a1 b0", "PATCH a1 -", careful},
                                            {Step::patch_b, "PATCH - b1", "PUT a0 b1", "PATCH a0 b1", careful},
                                            {Step::patch_none, "PATCH - -", "PUT a0 b0", "PATCH a0 -", careful},
                                            {Step::remove, "DELETE", "DELETE", "DELETE", "DELETE"},
                                            {Step::clear, "CLEAR", "CLEAR", "CLEAR", "CLEAR"}}) {
    const std::string expected[] = {cell.on_none, cell.on_put, cell.on_patch, cell.on_delete};
    for (const State state : {none, put, patch, removed}) {
      SCOPED_TRACE("change " + std::to_string(cell.incoming) + " on state " + std::to_string(state));
      Reduction reduction;
      const Step::Kind before[] = {Step::clear, Step::put, Step::patch_a, Step::remove};
      if (state != none) {
        ASSERT_TRUE(reduction.add({before[state], "k"}, "a0", "b0"));
      }
      const bool is_reduced = reduction.add({cell.incoming, "k"}, "a1", "b1");
      EXPECT_EQ(is_reduced ? state_text(reduction) : careful, expected[state]);
    }
  }
}

TEST(NetChanges, AKeyChangeIsADeleteAndAPut) {
  Reduction chain;  // a -> b -> c
  for (const Step& step :
       std::vector<Step>{{Step::remove, "a"}, {Step::insert, "b"}, {Step::remove, "b"}, {Step::insert, "c"}})
    ASSERT_TRUE(chain.add(step, "x", "y"));
  EXPECT_EQ(chain.changes().count(RowState::removed), 2u);
  EXPECT_EQ(chain.changes().rows({RowState::put, RowState::inserted}).size(), 1u);
  Reduction swap;  // a -> t, b -> a, t -> b
  for (const Step& step : std::vector<Step>{{Step::remove, "a"},
                                            {Step::insert, "t"},
                                            {Step::remove, "b"},
                                            {Step::insert, "a"},
                                            {Step::remove, "t"},
                                            {Step::insert, "b"}})
    ASSERT_TRUE(swap.add(step, "x", "y"));
  EXPECT_EQ(swap.changes().count(RowState::removed), 1u) << "t, which nobody ever had";
  EXPECT_EQ(swap.changes().rows({RowState::put, RowState::inserted}).size(), 2u);
}

TEST(NetChanges, AnInsertAndItsDeleteLeaveADelete) {
  Reduction reduction;
  ASSERT_TRUE(reduction.add({Step::insert, "k"}, "a", "b"));
  ASSERT_TRUE(reduction.add({Step::remove, "k"}, "", ""));
  EXPECT_EQ(reduction.changes().rows({RowState::removed}).size(), 1u);
  EXPECT_TRUE(reduction.changes().rows({RowState::put, RowState::inserted}).empty());
}

TEST(NetChanges, AnUpdatedInsertIsAnInsertUnlessTheRowWasRemovedBefore) {
  Reduction reduction;
  for (const char* key : {"new", "changed", "patched", "replaced"}) {
    const bool is_replaced = std::string(key) == "replaced";
    if (is_replaced) {
      ASSERT_TRUE(reduction.add({Step::remove, key}, "", ""));
    }
    ASSERT_TRUE(reduction.add({Step::insert, key}, "a", "b"));
  }
  ASSERT_TRUE(reduction.add({Step::put, "changed"}, "c", "d"));
  ASSERT_TRUE(reduction.add({Step::patch_a, "patched"}, "c", ""));
  EXPECT_EQ(reduction.changes().count(RowState::inserted), 3u);
  EXPECT_EQ(reduction.changes().count(RowState::put), 1u);
}

TEST(NetChanges, APatchOfARemovedRowNeedsTheOriginalOrder) {
  Reduction reduction;
  ASSERT_TRUE(reduction.add({Step::remove, "k"}, "", ""));
  EXPECT_FALSE(reduction.add({Step::patch_a, "k"}, "a", ""));
}

TEST(NetChanges, WhatTheChildCouldNotSendWholeNeedsTheOriginalOrder) {
  const std::string key = "k";
  EXPECT_FALSE(Reduction().change(ChangeKind::stale, {text(key), {}, {}}));
  EXPECT_FALSE(Reduction().change(ChangeKind::put, {text(key), kUnchanged, text(key)}));
  EXPECT_FALSE(Reduction().change(ChangeKind::patch, {kUnchanged, text(key), text(key)}));
  EXPECT_FALSE(Reduction().change(ChangeKind::remove, {{}, text(key), text(key)}));
}

TEST(NetChanges, PartsOfACompositeKeyDoNotRunTogether) {
  TableChanges changes(2, {0, 1});
  std::string first, second, third;
  write_tuple(first, {{ValueKind::text, "ab"}, {ValueKind::text, "c"}});
  write_tuple(second, {{ValueKind::text, "a"}, {ValueKind::text, "bc"}});
  write_tuple(third, {{ValueKind::text, "a"}, {ValueKind::text, "a"}});
  ASSERT_TRUE(changes.add(ChangeKind::put, first));
  ASSERT_TRUE(changes.add(ChangeKind::put, second));
  ASSERT_TRUE(changes.add(ChangeKind::put, third));
  const auto rows = changes.rows({RowState::put});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0][1].text, "a");
  EXPECT_EQ(rows[1][1].text, "bc");
  EXPECT_EQ(rows[2][0].text, "ab");
}

std::vector<std::string> keys_of(InsertedRows rows) {
  std::vector<std::string> keys;
  while (!rows.at_end()) keys.emplace_back(rows.next()[0].text);
  return keys;
}

TEST(NetChanges, InsertedRowsComeSortedAlsoWhereKeysBeginAlike) {
  const std::vector<Step> inserts = {{Step::insert, "same beginning 2"},
                                     {Step::insert, "b"},
                                     {Step::insert, "a"},
                                     {Step::insert, "same beginning 1"},
                                     {Step::insert, ""}};
  const std::vector<std::string> sorted = {"", "a", "b", "same beginning 1", "same beginning 2"};
  Reduction reduction;
  for (const Step& step : inserts) ASSERT_TRUE(reduction.add(step, "a", "b"));
  EXPECT_EQ(reduction.changes().count(RowState::inserted), 5u);
  EXPECT_TRUE(reduction.changes().rows({RowState::put, RowState::removed}).empty());
  EXPECT_EQ(keys_of(reduction.changes().inserted_rows()), sorted);

  ASSERT_TRUE(reduction.add({Step::patch_a, "b"}, "new", ""));
  ASSERT_TRUE(reduction.add({Step::remove, "a"}, "", ""));
  EXPECT_EQ(reduction.changes().count(RowState::inserted), 4u);
  InsertedRows rows = reduction.changes().inserted_rows();
  ASSERT_EQ(rows.size(), 4u);
  rows.next();
  EXPECT_EQ(rows.next()[1].text, "new");
}

TEST(NetChanges, OfAKeyInsertedTwiceTheLastOneStays) {
  Reduction reduction;
  for (const char* version : {"first", "second", "third"})
    for (int key = 40; key > 0; --key)
      ASSERT_TRUE(reduction.add({Step::insert, "k" + std::to_string(key)}, version, ""));
  reduction.changes().sort_inserted();
  const auto rows = reduction.changes().rows({RowState::put, RowState::inserted});
  ASSERT_EQ(rows.size(), 40u);
  for (const RowValues row : rows) EXPECT_EQ(row[1].text, "third") << row[0].text;
}

TEST(NetChanges, ATupleOfAnotherWidthIsMalformed) {
  TableChanges changes(2, {0});
  std::string tuple;
  write_tuple(tuple, {{ValueKind::text, "k"}});
  EXPECT_THROW(changes.add(ChangeKind::put, tuple), Error);
}

TEST(NetChanges, ARefreshedRowIsPutWhereTheGroupHadDoneSomethingToIt) {
  TableChanges changes(2, {0});
  std::deque<std::string> tuples;
  const auto tuple = [&](const std::string& key, const Value& value) -> const std::string& {
    write_tuple(tuples.emplace_back(), {{ValueKind::text, key}, value});
    return tuples.back();
  };
  const Value old{ValueKind::text, "old"}, fresh{ValueKind::text, "fresh"}, late{ValueKind::text, "late"};
  ASSERT_TRUE(changes.add(ChangeKind::insert, tuple("inserted", old)));
  ASSERT_TRUE(changes.add(ChangeKind::remove, tuple("removed", old)));
  for (const char* key : {"alone", "inserted", "patched", "removed", "removed later"})
    ASSERT_TRUE(changes.add_refreshed(tuple(key, fresh)));
  ASSERT_TRUE(changes.add(ChangeKind::patch, tuple("patched", late)));
  ASSERT_TRUE(changes.add(ChangeKind::remove, tuple("removed later", old)));
  const auto words = [&](RowState state) {
    std::string text;
    for (const RowValues row : changes.rows({state}))
      text += std::string(row[0].text) + " " + std::string(row[1].text) + "; ";
    return text;
  };
  EXPECT_EQ(words(RowState::refreshed), "alone fresh; ");
  EXPECT_EQ(words(RowState::put), "inserted fresh; patched late; removed fresh; ");
  EXPECT_EQ(words(RowState::removed), "removed later old; ");
  EXPECT_FALSE(changes.add_refreshed(tuple("k", kUnchanged)));
  EXPECT_TRUE(changes.note_present({"alone"}));
  EXPECT_TRUE(changes.note_present({"removed"}));
  EXPECT_FALSE(changes.note_present({"other"}));
  EXPECT_EQ(words(RowState::present), "alone fresh; ");
  EXPECT_EQ(words(RowState::put), "inserted fresh; patched late; removed fresh; ");
  EXPECT_EQ(changes.inserted_rows().size(), 0u);
}

TEST(NetChanges, OfAnInsertedRowThatIsThereAlreadyIsKnownThatItIs) {
  TableChanges changes(1, {0});
  std::string one, two;
  write_tuple(one, {{ValueKind::text, "1"}});
  write_tuple(two, {{ValueKind::text, "2"}});
  ASSERT_TRUE(changes.add(ChangeKind::insert, one));
  ASSERT_TRUE(changes.add(ChangeKind::insert, two));
  EXPECT_TRUE(changes.note_present({"1"}));
  EXPECT_EQ(changes.rows({RowState::present}).size(), 1u);
  EXPECT_EQ(changes.inserted_rows().size(), 1u);
}

}  // namespace
}  // namespace tributary
