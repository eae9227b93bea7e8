// Where a parent continues, and what may be forgotten (positions: exact-rules 1).
#include "unit/queue/queue_fixture.h"

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FindTest : public QueueTest {
 protected:
  void forget_acknowledged() {
    now_ += 3600LL * 1'000'000;
    queue_->acknowledge(queue_->stats().applied);
  }
};

TEST_F(FindTest, ContinuesRightAfterABatch) {
  open_with_stream();
  const Position start = queue_->head();
  const Position first = append_transactions(2);
  append_transactions(2);
  ASSERT_TRUE(queue_->find(start));
  EXPECT_THAT(sequence_numbers(queue_->find(start)->after_id), ElementsAre(2, 4));
  ASSERT_TRUE(queue_->find(first));
  EXPECT_FALSE(queue_->find(first)->rest);
  EXPECT_THAT(sequence_numbers(queue_->find(first)->after_id), ElementsAre(4));
  ASSERT_TRUE(queue_->find(queue_->head()));
  EXPECT_THAT(sequence_numbers(queue_->find(queue_->head())->after_id), IsEmpty());
}

TEST_F(FindTest, CutsABatchBetweenTwoOfItsTransactions) {
  open_with_stream();
  const Position start = queue_->head();
  const Batch first_only = batch_after(start, 1);
  Batch all = first_only;
  add_change(all, 30);
  add_commit(all);
  add_change(all, 40);
  add_change(all, 50);
  add_commit(all);
  append(all);
  append_transactions(1);

  const auto place = queue_->find(first_only.to);
  ASSERT_TRUE(place);
  ASSERT_TRUE(place->rest);
  const Batch& rest = *place->rest;
  EXPECT_EQ(rest.from, first_only.to);
  EXPECT_EQ(rest.to, all.to);
  EXPECT_EQ(rest.changes, 3U);
  EXPECT_EQ(rest.first_commit_time, 2'000'000);
  EXPECT_EQ(rest.relations, all.relations);
  EXPECT_EQ(decompress(rest.payload, rest.raw_bytes), all.payload.substr(first_only.payload.size()));
  EXPECT_THAT(sequence_numbers(place->after_id), ElementsAre(4));
}

TEST_F(FindTest, DoesNotFindAnotherHistory) {
  open_with_stream();
  const Position start = queue_->head();
  const Position inside = batch_after(start, 1).to;
  const Position end = append_transactions(3);
  for (const Position& known : {start, inside, end}) {
    EXPECT_TRUE(queue_->find(known)) << known.to_string();
    Position other_chain = known, other_lsn = known, other_stream = known;
    other_chain.chain ^= 1;
    other_lsn.end_lsn.value += 1;
    other_stream.stream = Uuid::random();
    EXPECT_FALSE(queue_->find(other_chain)) << known.to_string();
    EXPECT_FALSE(queue_->find(other_lsn)) << known.to_string();
    EXPECT_FALSE(queue_->find(other_stream)) << known.to_string();
  }
}

TEST_F(FindTest, DoesNotFindWhatLiesAheadOrBehind) {
  open_with_stream();
  const Position start = queue_->head();
  const Position first = append_transactions(1);
  append_transactions(1);
  const Position ahead = batch_after(queue_->head(), 1).to;
  EXPECT_FALSE(queue_->find(ahead));

  queue_->acknowledge(queue_->head());
  forget_acknowledged();
  EXPECT_THAT(read_all(), IsEmpty());
  EXPECT_FALSE(queue_->find(start));
  EXPECT_FALSE(queue_->find(first));
}

TEST_F(FindTest, FindsTheLastAcknowledgedPositionAlsoWhenItsBatchIsGone) {
  open_with_stream();
  const Position applied = append_transactions(2);
  queue_->acknowledge(applied);
  forget_acknowledged();
  ASSERT_THAT(read_all(), IsEmpty());
  ASSERT_TRUE(queue_->find(applied));
  append_transactions(1);
  open();
  const auto place = queue_->find(applied);
  ASSERT_TRUE(place);
  EXPECT_THAT(sequence_numbers(place->after_id), ElementsAre(3));
}

TEST_F(FindTest, AParentThatKnowsNothingIsServedOnlyFromTheVeryBeginning) {
  open();
  EXPECT_FALSE(queue_->find(Position{}));
  begin_stream(Position{}, false);
  append_transactions(1);
  const auto place = queue_->find(Position{});
  ASSERT_TRUE(place);
  EXPECT_THAT(sequence_numbers(place->after_id), ElementsAre(0, 1));

  queue_->acknowledge(queue_->head());
  forget_acknowledged();
  append_transactions(1);
  EXPECT_FALSE(queue_->find(Position{}));
}

TEST_F(FindTest, AParentThatNeverTookAnythingIsServedEveryStream) {
  open_with_stream();
  append_transactions(2);
  begin_stream(queue_->head(), false);
  append_transactions(1);
  for (int session = 0; session < 2; ++session) {
    const auto place = queue_->find(Position{});
    ASSERT_TRUE(place);
    EXPECT_THAT(sequence_numbers(place->after_id), ElementsAre(0, 2, 0, 1));
    queue_->acknowledge(Position{});
    EXPECT_EQ(queue_->stats().batches, 4U);
  }
}

TEST_F(FindTest, AParentThatWasMadeToForgetIsServedFromTheNewestStream) {
  open_with_stream();
  append_transactions(2);
  queue_->acknowledge(queue_->head());
  forget_acknowledged();
  append_transactions(1);
  EXPECT_FALSE(queue_->find(Position{})) << "the stream's beginning is gone";
  const Position newest = begin_stream(queue_->head(), false);
  append_transactions(1);
  const auto place = queue_->find(Position{});
  ASSERT_TRUE(place);
  const auto batches = read_all(place->after_id);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].batch.kind, BatchKind::new_stream);
  EXPECT_EQ(batches[0].batch.to, newest);
  queue_->acknowledge(Position{});
  EXPECT_EQ(queue_->find(Position{})->after_id, place->after_id);
}

TEST_F(FindTest, DoesNotContinueInTheMiddleOfATransactionWhoseFirstPartsAreGone) {
  config_.keep = std::chrono::seconds(1);
  open_with_stream();
  const Position before = append_transactions(1);
  const uint32_t parts = 70;  // more than one deletion takes
  for (uint32_t part = 0; part < parts; ++part) append(part_after(before, part, part + 1 == parts));
  queue_->acknowledge(queue_->head());
  config_.bytes_max = queue_->stats().file_bytes;
  uint64_t live = 0;
  for (const StoredBatch& stored : read_all()) live += stored.batch.payload.size();
  config_.bytes_max = live + 8;  // the next append makes room by one deletion
  open();
  append_transactions(1);
  ASSERT_GT(read_all().front().batch.part, 0U);
  EXPECT_FALSE(queue_->find(before));
}

TEST_F(FindTest, KeepsAcknowledgedBatchesForAParentThatFallsBack) {
  open_with_stream();
  const Position first = append_transactions(1);
  const Position second = append_transactions(1);
  queue_->acknowledge(second);
  now_ += std::chrono::microseconds(config_.keep).count() - 1;
  queue_->acknowledge(second);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 1, 2));

  // The parent lost its last transaction: what it had acknowledged is not applied any more, and must not be deleted.
  queue_->acknowledge(first);
  EXPECT_EQ(queue_->stats().batches, 1U);
  EXPECT_EQ(queue_->stats().applied, first);
  forget_acknowledged();
  EXPECT_THAT(sequence_numbers(), ElementsAre(2));
}

TEST_F(FindTest, DeletesWhatWasAcknowledgedLongEnoughAgo) {
  open_with_stream();
  append_transactions(1);
  queue_->acknowledge(queue_->head());
  now_ += 60'000'000;
  append_transactions(1);
  queue_->acknowledge(queue_->head());
  now_ += std::chrono::microseconds(config_.keep).count() - 60'000'000;
  queue_->acknowledge(queue_->head());
  EXPECT_THAT(sequence_numbers(), ElementsAre(2));
  now_ += 60'000'000;
  queue_->acknowledge(queue_->head());
  EXPECT_THAT(sequence_numbers(), IsEmpty());
  EXPECT_EQ(queue_->stats().batches, 0U);
}

TEST_F(FindTest, AnAcknowledgementInsideABatchKeepsIt) {
  open_with_stream();
  const Position inside = batch_after(queue_->head(), 1).to;
  append_transactions(3);
  queue_->acknowledge(inside);
  forget_acknowledged();
  EXPECT_THAT(sequence_numbers(), ElementsAre(3));
  EXPECT_TRUE(queue_->find(inside));
}

TEST_F(FindTest, RefusesAnAcknowledgementOfWhatItDoesNotHold) {
  open_with_stream();
  append_transactions(1);
  Position other = queue_->head();
  other.chain ^= 1;
  EXPECT_EQ(failure_of([&] { queue_->acknowledge(other); }).kind(), ErrorKind::protocol);
  EXPECT_EQ(failure_of([&] { queue_->acknowledge(batch_after(queue_->head(), 1).to); }).kind(), ErrorKind::protocol);
  EXPECT_EQ(queue_->stats().batches, 2U);
}

}  // namespace
}  // namespace tributary
