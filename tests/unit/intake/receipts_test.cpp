// The shortest acknowledgement that says what is applied.
#include "intake/receipts.h"

#include <gtest/gtest.h>

#include "wire/convert.h"

namespace tributary {
namespace {

class ReceiptsTest : public testing::Test {
 protected:
  ReceiptsTest() { start.stream = Uuid::random(); }

  Position after(uint64_t transactions) const {
    Position reached = start;
    for (uint64_t i = 0; i < transactions; ++i) reached = advance(reached, {7, Lsn{reached.end_lsn.value + 100}, 1});
    return reached;
  }
  void receive(uint64_t seq, size_t bytes, bool is_last_part = true) {
    Batch batch;
    batch.to = after(seq);
    batch.is_last_part = is_last_part;
    batch.payload = std::string(bytes, 'C');
    receipts.received(batch);
  }

  Position start;
  Receipts receipts;
};

TEST_F(ReceiptsTest, TheEndOfABatchIsACount) {
  receive(1, 10);
  receive(3, 10);
  receive(4, 10);
  const link::Ack ack = receipts.acknowledge(after(3), 20);
  EXPECT_FALSE(ack.has_applied());
  EXPECT_EQ(ack.batches(), 2U);
  EXPECT_EQ(ack.chain(), static_cast<uint32_t>(after(3).chain));
  EXPECT_LT(ack.ByteSizeLong(), 8U);
  EXPECT_EQ(receipts.acknowledge(after(4), 30).batches(), 1U);
}

TEST_F(ReceiptsTest, APlaceInsideABatchIsSaidInFull) {
  receive(1, 10);
  receive(5, 10);
  const link::Ack ack = receipts.acknowledge(after(3), 10);
  EXPECT_EQ(position_from(ack.applied()), after(3));
  EXPECT_EQ(ack.consumed_bytes(), 10U);
  EXPECT_EQ(ack.batches(), 0U);
  EXPECT_EQ(receipts.acknowledge(after(5), 20).batches(), 1U);
}

TEST_F(ReceiptsTest, AStreamThatFollowsAnotherTakesItsEndsAlong) {
  receive(1, 10);
  receive(2, 10);
  receipts.acknowledge(after(1), 10);
  start.stream = Uuid::random();
  receive(0, 0);
  EXPECT_EQ(receipts.acknowledge(after(0), 20).batches(), 2U);
  receive(1, 10);
  EXPECT_EQ(receipts.acknowledge(after(1), 30).batches(), 1U);
}

TEST_F(ReceiptsTest, PartsConsumedBeforeTheirEndAreSaidInFull) {
  receive(0, 100, false);
  receive(0, 100, false);
  EXPECT_EQ(receipts.acknowledge(start, 100).consumed_bytes(), 100U);
  receive(1, 50);
  EXPECT_EQ(receipts.acknowledge(after(1), 250).batches(), 1U);
}

TEST_F(ReceiptsTest, ManyBatchesOrBytesAreMuch) {
  for (uint64_t i = 1; i <= 4; ++i) receive(i, 10);
  receive(5, 1 << 20);
  EXPECT_FALSE(receipts.is_much(after(3), 30));
  EXPECT_TRUE(receipts.is_much(after(4), 40));
  receipts.acknowledge(after(4), 40);
  EXPECT_FALSE(receipts.is_much(after(4), 40));
  EXPECT_TRUE(receipts.is_much(after(5), 40 + (1 << 20)));
}

TEST_F(ReceiptsTest, TheWindowCountsWhatIsNotConsumed) {
  EXPECT_TRUE(receipts.has_room(100));
  receive(1, 100);
  EXPECT_FALSE(receipts.has_room(100));
  receipts.acknowledge(after(1), 100);
  EXPECT_TRUE(receipts.has_room(100));
}

}  // namespace
}  // namespace tributary
