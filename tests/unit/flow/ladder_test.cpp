#include "flow/ladder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flow/above.h"

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Uuid kChild = Uuid::random(), kOwn = Uuid::random();

Position at(const Uuid& stream, uint64_t seq) {
  Position position;
  position.stream = stream;
  position.seq = seq;
  return position;
}

// A node "region" with its parent "nation", and a child "district".
class LadderTest : public testing::Test {
 protected:
  LadderTest() { begin_run(0, 0); }
  void begin_run(uint64_t log, uint64_t head, const Uuid& stream = kOwn) {
    progress.begin_run({log}, at(stream, head), 0);
  }
  void apply(uint64_t seq, uint64_t log) {
    ladder.applied("district", at(kChild, seq));
    ladder.add({log}, ladder.moved());
  }
  std::set<std::string> nation_has(std::optional<uint64_t> seq) {
    return ladder.advance(progress, {{{"nation", seq}}, true});
  }
  std::optional<uint64_t> at_nation() { return ladder.of("district", kChild).above.at(0).seq; }

  StreamProgress progress;
  Ladder ladder;
};

TEST_F(LadderTest, APositionIsAboveWhenCapturePassedItsLogAndTheStreamIsAppliedSoFar) {
  apply(5, 100);
  EXPECT_EQ(nation_has(0), std::set<std::string>{"district"}) << "the child hears of the nation";
  EXPECT_EQ(at_nation(), std::nullopt);
  progress.captured({99}, at(kOwn, 7), 0);
  nation_has(7);
  EXPECT_EQ(at_nation(), std::nullopt) << "capture has not come so far";
  progress.captured({100}, at(kOwn, 8), 0);
  nation_has(7);
  EXPECT_EQ(at_nation(), std::nullopt) << "it may lie in transaction 8";
  EXPECT_EQ(nation_has(8), std::set<std::string>{"district"});
  EXPECT_EQ(at_nation(), 5u);
}

TEST_F(LadderTest, WhatNeedsNoPlaceInTheStreamIsAboveAtOnce) {
  progress.captured({50}, at(kOwn, 3), 0);
  nation_has(3);
  apply(5, 60);
  progress.captured({60}, at(kOwn, 3), 0);
  nation_has(3);
  EXPECT_EQ(at_nation(), 5u);
}

TEST_F(LadderTest, NothingIsKnownInANewStreamUntilItIsKnownAgain) {
  apply(5, 100);
  progress.captured({100}, at(kOwn, 8), 0);
  nation_has(8);
  begin_run(200, 0, Uuid::random());
  EXPECT_EQ(nation_has(std::nullopt), std::set<std::string>{"district"});
  EXPECT_EQ(at_nation(), std::nullopt);
  ASSERT_TRUE(ladder.has_moved()) << "it is asked for again";
  ladder.add({200}, ladder.moved());
  nation_has(0);
  EXPECT_EQ(at_nation(), 5u);
}

TEST_F(LadderTest, ANodeThatIsSetBackHasWhatItHasNow) {
  apply(5, 100);
  progress.captured({100}, at(kOwn, 8), 0);
  nation_has(8);
  nation_has(6);
  EXPECT_EQ(at_nation(), std::nullopt);
  ladder.add({100}, ladder.moved());
  nation_has(7);
  EXPECT_EQ(at_nation(), std::nullopt);
  nation_has(8);
  EXPECT_EQ(at_nation(), 5u);
}

TEST_F(LadderTest, TransactionsThatWereNotOnTheDiskMayGetOtherNumbers) {
  apply(5, 100);
  progress.captured({100}, at(kOwn, 9), 0);
  begin_run(90, 6);  // 7 to 9 are read again, and one of them was a refresh
  progress.captured({100}, at(kOwn, 8), 0);
  nation_has(8);
  EXPECT_EQ(at_nation(), 5u);
}

TEST_F(LadderTest, AnotherStreamOfTheChildIsNotMistakenForIt) {
  apply(5, 100);
  progress.captured({100}, at(kOwn, 8), 0);
  nation_has(8);
  EXPECT_EQ(ladder.of("district", Uuid::random()).above.at(0).seq, std::nullopt);
}

TEST_F(LadderTest, WhatWaitsLongTakesLittleMemoryAndTheNewestStaysExact) {
  nation_has(0);
  for (uint64_t i = 1; i <= 10'000; ++i) {
    apply(i, i);
    progress.captured({i}, at(kOwn, i), 0);
    nation_has(0);
  }
  nation_has(9'999);
  ASSERT_TRUE(at_nation().has_value());
  EXPECT_LE(*at_nation(), 9'999u);
  EXPECT_GE(*at_nation(), 9'998u);
  nation_has(10'000);
  EXPECT_EQ(at_nation(), 10'000u);
}

TEST(Above, StandsStillWhileSomethingHasToBeMended) {
  Above above;
  above.heard({}, {{}, true});
  EXPECT_THAT(above.tiers().above, IsEmpty());
  above.at_parent("region", at(kOwn, 3), true);
  EXPECT_TRUE(above.tiers().is_complete) << "the parent said so first";
  above.at_parent("region", at(kOwn, 9), false);
  above.heard(kOwn, {{{"nation", 2}}, true});
  EXPECT_THAT(above.tiers().above, ElementsAre(TierPosition{"region", 3}, TierPosition{"nation", 2}));
  EXPECT_TRUE(above.tiers().is_complete);
  above.at_parent("region", at(kOwn, 2), false);
  EXPECT_EQ(above.tiers().above[0].seq, 2u) << "the parent's database was restored";
  above.at_parent("region", at(Uuid::random(), 1), false);
  EXPECT_THAT(above.tiers().above, ElementsAre(TierPosition{"region", {}}, TierPosition{"nation", {}}));
}

TEST(StreamProgress, TheAgeIsThatOfTheFirstChangeBehind) {
  StreamProgress progress;
  progress.begin_run({10}, at(kOwn, 4), 1'000);
  EXPECT_EQ(progress.seconds_behind(4, 9'000), 0);
  EXPECT_EQ(progress.seconds_behind(3, 9'000), 8);
  progress.captured({20}, at(kOwn, 6), 5'000);
  progress.captured({30}, at(kOwn, 8), 7'000);
  EXPECT_EQ(progress.seconds_behind(8, 9'000), 0);
  EXPECT_EQ(progress.seconds_behind(7, 9'000), 2);
  EXPECT_EQ(progress.seconds_behind(5, 9'000), 4);
}

}  // namespace
}  // namespace tributary
