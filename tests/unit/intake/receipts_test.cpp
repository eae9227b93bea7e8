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
  // A batch that counts `bytes`.
  void receive(uint64_t seq, size_t bytes, bool is_last_part = true) {
    Batch batch;
    batch.to = after(seq);
    batch.is_last_part = is_last_part;
    batch.payload = std::string(bytes - bytes_in_flight(batch), 'C');
    receipts.received(batch);
  }

  Position start;
  Receipts receipts;
};

TEST_F(ReceiptsTest, TheEndOfABatchIsACount) {
  receive(1, 1000);
  receive(3, 1000);
  receive(4, 1000);
  const link::Ack ack = receipts.acknowledge(after(3), 2000);
  EXPECT_FALSE(ack.has_applied());
  EXPECT_EQ(ack.batches(), 2U);
  EXPECT_EQ(ack.chain(), static_cast<uint32_t>(after(3).chain));
  EXPECT_LT(ack.ByteSizeLong(), 8U);
  EXPECT_EQ(receipts.acknowledge(after(4), 3000).batches(), 1U);
}

TEST_F(ReceiptsTest, APlaceInsideABatchIsSaidInFull) {
  receive(1, 1000);
  receive(5, 1000);
  const link::Ack ack = receipts.acknowledge(after(3), 1000);
  EXPECT_EQ(position_from(ack.applied()), after(3));
  EXPECT_EQ(ack.consumed_bytes(), 1000U);
  EXPECT_EQ(ack.batches(), 0U);
  EXPECT_EQ(receipts.acknowledge(after(5), 2000).batches(), 1U);
}

TEST_F(ReceiptsTest, AStreamThatFollowsAnotherTakesItsEndsAlong) {
  receive(1, 1000);
  receive(2, 1000);
  receipts.acknowledge(after(1), 1000);
  start.stream = Uuid::random();
  receive(0, 1000);
  EXPECT_EQ(receipts.acknowledge(after(0), 3000).batches(), 2U);
  receive(1, 1000);
  EXPECT_EQ(receipts.acknowledge(after(1), 4000).batches(), 1U);
}

TEST_F(ReceiptsTest, PartsConsumedBeforeTheirEndAreSaidInFull) {
  receive(0, 10000, false);
  receive(0, 10000, false);
  EXPECT_EQ(receipts.acknowledge(start, 10000).consumed_bytes(), 10000U);
  receive(1, 5000);
  EXPECT_EQ(receipts.acknowledge(after(1), 25000).batches(), 1U);
}

TEST_F(ReceiptsTest, ManyBatchesOrBytesAreMuch) {
  for (uint64_t i = 1; i <= 4; ++i) receive(i, 1000);
  receive(5, 1 << 20);
  EXPECT_FALSE(receipts.is_much(after(3), 3000));
  EXPECT_TRUE(receipts.is_much(after(4), 4000));
  receipts.acknowledge(after(4), 4000);
  EXPECT_FALSE(receipts.is_much(after(4), 4000));
  EXPECT_TRUE(receipts.is_much(after(5), 4000 + (1 << 20)));
}

TEST_F(ReceiptsTest, TheWindowCountsWhatIsNotConsumed) {
  EXPECT_TRUE(receipts.has_room(1000));
  receive(1, 1000);
  EXPECT_FALSE(receipts.has_room(1000));
  receipts.acknowledge(after(1), 1000);
  EXPECT_TRUE(receipts.has_room(1000));
}

TEST_F(ReceiptsTest, WhatABatchHoldsBesideItsPayloadCountsToo) {
  Batch batch;
  batch.payload = "C";
  for (uint64_t seq = 1; seq <= 8; ++seq) {
    batch.to = after(seq);
    receipts.received(batch);
  }
  EXPECT_FALSE(receipts.has_room(4000));
  EXPECT_TRUE(receipts.has_room(8000));
  batch.relations.resize(250);
  batch.reason = std::string(2000, ' ');
  batch.to = after(9);
  receipts.received(batch);
  EXPECT_FALSE(receipts.has_room(8000));
}

}  // namespace
}  // namespace tributary
