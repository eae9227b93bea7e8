// When a stream may go on, and when a new one must begin (exact-rules 1 and 2).
#include "source/continuity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// A queue and a source that agree.
class ContinuityTest : public testing::Test {
 protected:
  ContinuityTest() {
    queue.stream = Uuid::random();
    queue.system_identifier = "7301";
    queue.timeline = 1;
    queue.nonces = {Uuid::random()};
    queue.confirm_lsn = Lsn{500};
    queue.last_end_lsn = Lsn{400};
    source.system_identifier = "7301";
    source.timeline = 1;
    source.flush_lsn = Lsn{900};
    source.slot = SourceFacts::Slot{false, Lsn{500}};
    source.stream_row = SourceFacts::StreamRow{queue.stream, queue.nonces[0]};
  }
  std::string reason() const { return reason_for_new_stream(queue, source); }

  QueueFacts queue;
  SourceFacts source;
};

TEST_F(ContinuityTest, GoesOnWhereQueueAndSourceAgree) {
  EXPECT_THAT(reason(), IsEmpty());
}

TEST_F(ContinuityTest, TheFirstStreamBegins) {
  queue = {};
  EXPECT_THAT(reason(), HasSubstr("the queue was lost or is new"));
  source.stream_row.reset();
  EXPECT_EQ(reason(), "first start");
}

TEST_F(ContinuityTest, ASlotOfOursIsNoReasonToBelieveAQueueWithoutAStream) {
  queue = {};
  source.slot->confirmed_flush = {};
  EXPECT_FALSE(reason().empty());
}

TEST_F(ContinuityTest, ABrokenStreamIsNotContinued) {
  queue.break_reason = "the parent's position is not in the queue";
  EXPECT_EQ(reason(), queue.break_reason);
}

TEST_F(ContinuityTest, AnotherClusterIsNotContinued) {
  source.system_identifier = "7302";
  EXPECT_THAT(reason(), HasSubstr("another PostgreSQL cluster"));
}

TEST_F(ContinuityTest, ADatabaseWithoutTheStreamIsNotContinued) {
  source.stream_row.reset();
  EXPECT_THAT(reason(), HasSubstr("does not know this stream"));
}

TEST_F(ContinuityTest, ADatabaseOfAnotherStreamIsNotContinued) {
  source.stream_row->stream = Uuid::random();
  EXPECT_THAT(reason(), HasSubstr("another stream"));
}

TEST_F(ContinuityTest, AnotherNonceTellsACopy) {
  source.stream_row->nonce = Uuid::random();
  EXPECT_THAT(reason(), HasSubstr("not of the same moment"));
}

TEST_F(ContinuityTest, WhileANonceIsRenewedEitherCounts) {
  const Uuid before = queue.nonces[0], after = Uuid::random();
  queue.nonces = {before, after};
  EXPECT_THAT(reason(), IsEmpty());
  source.stream_row->nonce = after;
  EXPECT_THAT(reason(), IsEmpty());
  source.stream_row->nonce = Uuid::random();
  EXPECT_FALSE(reason().empty());
}

TEST_F(ContinuityTest, ALostSlotIsNotContinued) {
  source.slot->is_lost = true;
  EXPECT_THAT(reason(), HasSubstr("max_slot_wal_keep_size"));
  source.slot.reset();
  EXPECT_THAT(reason(), HasSubstr("slot is gone"));
}

TEST_F(ContinuityTest, ASlotAheadOfTheQueueMeansALostTail) {
  source.slot->confirmed_flush = Lsn{501};
  EXPECT_THAT(reason(), HasSubstr("the slot is ahead of the queue"));
}

TEST_F(ContinuityTest, ASlotBehindTheQueueIsAnOrdinaryRestart) {
  for (const uint64_t confirmed : {499U, 400U, 399U, 1U}) {
    source.slot->confirmed_flush = Lsn{confirmed};
    EXPECT_THAT(reason(), IsEmpty()) << confirmed;
  }
}

TEST_F(ContinuityTest, AServerWhoseLogEndsBeforeTheLastTransactionLostIt) {
  source.slot->confirmed_flush = Lsn{300};
  source.flush_lsn = Lsn{399};
  EXPECT_THAT(reason(), HasSubstr("WAL ends before"));
  source.flush_lsn = Lsn{400};
  EXPECT_THAT(reason(), IsEmpty());
}

TEST_F(ContinuityTest, AFailoverThatLostNothingIsContinued) {
  source.timeline = 2;
  source.switch_point = Lsn{400};
  source.slot->confirmed_flush = Lsn{400};
  EXPECT_THAT(reason(), IsEmpty());
}

// What the new history wrote between its beginning and the slot's position would never be read.
TEST_F(ContinuityTest, ASlotAheadOfTheNewHistorysBeginningIsNot) {
  source.timeline = 2;
  source.switch_point = Lsn{400};
  source.slot->confirmed_flush = Lsn{401};
  EXPECT_THAT(reason(), HasSubstr("the slot is ahead of the history"));
}

TEST_F(ContinuityTest, ASlotAheadOfTheDatabasesLogIsNot) {
  source.flush_lsn = Lsn{450};
  EXPECT_THAT(reason(), HasSubstr("the slot is ahead of the history"));
}

TEST_F(ContinuityTest, AFailoverThatLostCapturedTransactionsIsNot) {
  source.timeline = 2;
  source.switch_point = Lsn{399};
  EXPECT_THAT(reason(), HasSubstr("a failover lost transactions"));
}

TEST_F(ContinuityTest, AHistoryWithoutTheQueuesTimelineIsNot) {
  source.timeline = 3;
  EXPECT_THAT(reason(), HasSubstr("a history that does not include"));
}

}  // namespace
}  // namespace tributary
