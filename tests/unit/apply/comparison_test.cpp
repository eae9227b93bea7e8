#include "apply/comparison.h"

#include <gmock/gmock.h>

#include <deque>
#include <functional>

namespace tributary {
namespace {

using testing::ElementsAre;

// Rows are named by their key; a row's hash is made of its key and version.
RowHash hash_of(const std::string& key, uint64_t version = 1) {
  return {std::hash<std::string>{}(key), version * 1000};
}

class ComparisonTest : public testing::Test {
 protected:
  // A range of the child with these rows, the last of which ends it.
  void range(const std::vector<std::string>& keys, bool is_open = false) {
    DigestView::Range range;
    for (const std::string& key : keys) range.sum.add(hash_of(key));
    if (!is_open) range.end = ends_.emplace_back(keys.back());
    digest_.ranges.push_back(range);
  }
  void here(const std::vector<std::string>& keys, uint64_t version = 1) {
    for (const std::string& key : keys) rows_.push_back({key, hash_of(key, version)});
  }
  size_t equal(bool is_cut = false) { return equal_ranges(compare(digest_, rows_, is_cut)); }
  // "first-last: keys" of each difference.
  std::vector<std::string> differences(size_t rows_max = 100, size_t bytes_max = 1000, bool is_cut = false) {
    std::vector<std::string> words;
    for (const auto& difference :
         differences_of(digest_, rows_, compare(digest_, rows_, is_cut), is_cut, rows_max, bytes_max)) {
      words.push_back(std::to_string(difference.first) + "-" + std::to_string(difference.last) + ":");
      for (const auto& row : difference.rows) words.back() += " " + row.key;
      if (difference.is_cut) words.back() += " cut";
    }
    return words;
  }

  DigestView digest_;
  std::vector<Comparison::Row> rows_;
  std::deque<std::string> ends_;
};

TEST_F(ComparisonTest, RangesAreEqualWhereTheirRowsAre) {
  range({"a", "b"}), range({"c", "d"}), range({"e"}, true);
  here({"a", "b", "c", "d", "e"});
  EXPECT_EQ(equal(), 3u);
  EXPECT_THAT(differences(), ElementsAre());
}

TEST_F(ComparisonTest, TheFirstRangeThatDiffersEndsWhatIsEqual) {
  range({"a", "b"}), range({"c", "d"}), range({"e", "f"});
  here({"a", "b"}), here({"c"}, 2), here({"d", "e", "f"});
  EXPECT_EQ(equal(), 1u);
  EXPECT_THAT(differences(), ElementsAre("1-1: c d"));
}

TEST_F(ComparisonTest, ARowOfTheParentAloneMakesItsRangeDiffer) {
  range({"a", "c"}), range({"d", "f"}), range({"g"}, true);
  here({"a", "c", "d", "e", "f", "g", "h"});
  EXPECT_EQ(equal(), 1u);
  EXPECT_THAT(differences(), ElementsAre("1-1: d e f", "2-2: g h"));
}

TEST_F(ComparisonTest, ABoundThatIsMissingJoinsTwoRanges) {
  range({"a", "b"}), range({"c", "d"}), range({"e", "f"});
  here({"a", "c", "d", "e", "f"});
  EXPECT_EQ(equal(), 0u);
  EXPECT_THAT(differences(), ElementsAre("0-1: a c d"));
}

TEST_F(ComparisonTest, ABoundThatTheStreamHasDeletedMakesNoDifference) {
  digest_.settled = {"b"};
  range({"a"}), range({"c", "d"});
  ends_.push_back("b");
  digest_.ranges[0].end = ends_.back();
  here({"a", "c", "d"});
  EXPECT_EQ(equal(), 2u);
}

TEST_F(ComparisonTest, SettledRowsAreNotCountedHere) {
  digest_.settled = {"b", "x"};
  range({"a", "c"}), range({"d"}, true);
  here({"a", "b", "c", "d", "x"});
  EXPECT_EQ(equal(), 2u);
  here({"y"});
  EXPECT_THAT(differences(), ElementsAre("1-1: d y"));
}

TEST_F(ComparisonTest, NothingHereIsEqualToNothing) {
  range({}, true);
  EXPECT_EQ(equal(), 1u);
  range({"a"}), digest_.ranges.erase(digest_.ranges.begin());
  EXPECT_EQ(equal(), 0u);
  EXPECT_THAT(differences(), ElementsAre("0-0:"));
}

TEST_F(ComparisonTest, EqualSumsOfOtherCountsDiffer) {
  range({"a"});
  rows_ = {{"0", {0, 0}}};
  here({"a"});
  EXPECT_EQ(equal(), 0u);
}

TEST_F(ComparisonTest, WhatWasNotReadIsNotEqual) {
  range({"a"}), range({"b"}), range({"c"}, true);
  here({"a", "b", "c"});
  EXPECT_EQ(equal(), 3u);
  EXPECT_EQ(equal(true), 2u);
  EXPECT_THAT(differences(100, 1000, true), ElementsAre("2-2: cut"));
}

TEST_F(ComparisonTest, TooManyRowsAreNotNamed) {
  range({"a", "b"}), range({"c", "d"}), range({"e", "f"});
  here({"a", "b", "c", "d", "e", "f"}, 2);
  EXPECT_THAT(differences(6), ElementsAre("0-0: a b", "1-1: c d", "2-2: e f"));
  EXPECT_THAT(differences(3), ElementsAre("0-0: a b", "1-2: cut"));
  EXPECT_THAT(differences(100, 3), ElementsAre("0-0: a b", "1-2: cut"));
}

}  // namespace
}  // namespace tributary
