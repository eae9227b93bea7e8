// What may be in flight, and what an acknowledgement may say.
#include "uplink/window.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tributary {
namespace {

class WindowTest : public testing::Test {
 protected:
  WindowTest() { start.stream = Uuid::random(); }

  static Position after(const Position& position, uint64_t transactions) {
    Position reached = position;
    for (uint64_t i = 0; i < transactions; ++i) reached = advance(reached, {7, Lsn{reached.end_lsn.value + 100}, 1});
    return reached;
  }
  void expect_refused(const Position& applied, uint64_t consumed_bytes) {
    const Position before = window.applied_position();
    const size_t in_flight = window.batches_in_flight();
    try {
      window.acknowledged(applied, consumed_bytes);
      ADD_FAILURE() << applied.to_string() << " was believed";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::protocol);
    }
    EXPECT_EQ(window.applied_position(), before);
    EXPECT_EQ(window.batches_in_flight(), in_flight);
  }

  Position start;
  Window window{{}, 100};
};

TEST_F(WindowTest, LetsThroughUntilItIsFullAndAtLeastOne) {
  window = Window(start, 100);
  EXPECT_TRUE(window.has_room());
  window.sent(after(start, 1), true, 99);
  EXPECT_TRUE(window.has_room());
  window.sent(after(start, 2), true, 1'000'000);
  EXPECT_FALSE(window.has_room());
  EXPECT_TRUE(window.acknowledged(after(start, 1), 99));
  EXPECT_FALSE(window.has_room());
  EXPECT_TRUE(window.acknowledged(after(start, 2), 1'000'099));
  EXPECT_TRUE(window.has_room());
  EXPECT_EQ(window.batches_in_flight(), 0U);
}

TEST_F(WindowTest, BytesConsumedInsideATransactionMakeRoomWithoutMovingThePosition) {
  window = Window(start, 100);
  window.sent(start, false, 100);
  EXPECT_FALSE(window.has_room());
  EXPECT_FALSE(window.acknowledged(start, 100));
  EXPECT_TRUE(window.has_room());
  EXPECT_EQ(window.sent_position(), start);
  window.sent(after(start, 1), true, 50);
  EXPECT_EQ(window.sent_position(), after(start, 1));
  EXPECT_TRUE(window.acknowledged(after(start, 1), 150));
}

TEST_F(WindowTest, OneAcknowledgementMayStandForSeveralBatchesOrEndInsideOne) {
  window = Window(start, 1000);
  window.sent(after(start, 2), true, 10);
  window.sent(after(start, 5), true, 10);
  window.sent(after(start, 9), true, 10);
  EXPECT_TRUE(window.acknowledged(after(start, 3), 10));
  EXPECT_EQ(window.batches_in_flight(), 2U);
  EXPECT_EQ(window.applied_position(), after(start, 3));
  EXPECT_FALSE(window.acknowledged(after(start, 3), 10));
  EXPECT_TRUE(window.acknowledged(after(start, 9), 30));
  EXPECT_EQ(window.batches_in_flight(), 0U);
}

TEST_F(WindowTest, FollowsFromOneStreamIntoTheNext) {
  window = Window(start, 1000);
  Position next;
  next.stream = Uuid::random();
  window.sent(after(start, 1), true, 10);
  window.sent(next, true, 0);
  window.sent(after(next, 1), true, 10);
  EXPECT_TRUE(window.acknowledged(next, 10));
  EXPECT_EQ(window.batches_in_flight(), 1U);
  expect_refused(after(start, 1), 10);
  EXPECT_TRUE(window.acknowledged(after(next, 1), 20));
}

TEST_F(WindowTest, RefusesWhatWasNeverSent) {
  window = Window(start, 1000);
  expect_refused(after(start, 1), 0);
  window.sent(after(start, 2), true, 10);
  expect_refused(after(start, 3), 10);
  expect_refused(after(start, 2), 11);
  Position other;
  other.stream = Uuid::random();
  expect_refused(other, 10);
  expect_refused(Position{}, 10);
}

TEST_F(WindowTest, RefusesAnotherHistoryOfTheSameLength) {
  window = Window(start, 1000);
  window.sent(after(start, 2), true, 10);
  Position other = after(start, 2);
  other.chain ^= 1;
  expect_refused(other, 10);
  other = after(start, 2);
  other.end_lsn.value += 1;
  expect_refused(other, 10);
}

TEST_F(WindowTest, RefusesToGoBack) {
  window = Window(start, 1000);
  window.sent(after(start, 4), true, 10);
  window.sent(after(start, 6), true, 10);
  EXPECT_TRUE(window.acknowledged(after(start, 4), 10));
  expect_refused(after(start, 2), 10);
  expect_refused(start, 10);
  expect_refused(after(start, 6), 9);
}

TEST_F(WindowTest, AFewSmallBatchesInFlightAreEnough) {
  window = Window(start, 16 << 20);
  for (uint64_t i = 1; i <= Window::kSmallBatchesMax; ++i) {
    EXPECT_TRUE(window.has_room());
    window.sent(after(start, i), true, 300);
  }
  EXPECT_FALSE(window.has_room());
  window.acknowledged_batches(1, static_cast<uint32_t>(after(start, 1).chain));
  EXPECT_TRUE(window.has_room());
  for (uint64_t i = 9; i < 30; ++i) window.sent(after(start, i), true, 100'000);
  EXPECT_TRUE(window.has_room());
}

TEST_F(WindowTest, AcknowledgedBatchesAreThoseSentFirst) {
  window = Window(start, 1000);
  const auto low = [](const Position& position) { return static_cast<uint32_t>(position.chain); };
  window.sent(after(start, 2), true, 10);
  window.sent(after(start, 5), true, 10);
  window.sent(after(start, 9), true, 10);
  EXPECT_FALSE(window.acknowledged_batches(0, 0));
  EXPECT_TRUE(window.acknowledged_batches(2, low(after(start, 5))));
  EXPECT_EQ(window.applied_position(), after(start, 5));
  EXPECT_EQ(window.batches_in_flight(), 1U);
  EXPECT_THROW(window.acknowledged_batches(2, low(after(start, 9))), Error);
  EXPECT_THROW(window.acknowledged_batches(1, low(after(start, 9)) + 1), Error);
  EXPECT_TRUE(window.acknowledged_batches(1, low(after(start, 9))));
}

}  // namespace
}  // namespace tributary
