#include "queue/queue.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "unit/queue/queue_fixture.h"

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(QueueTest, GivesBackBatchesAsTheyWereAppended) {
  open_with_stream();
  Batch sent = batch_after(queue_->head(), 3);
  append(sent);

  const auto stored = read_all();
  ASSERT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored[0].batch.kind, BatchKind::new_stream);
  EXPECT_EQ(stored[0].batch.reason, "test");
  const Batch& got = stored[1].batch;
  EXPECT_EQ(got.from, sent.from);
  EXPECT_EQ(got.to, sent.to);
  EXPECT_EQ(got.relations, sent.relations);
  EXPECT_EQ(got.changes, 3U);
  EXPECT_EQ(got.first_commit_time, 1'000'000);
  EXPECT_TRUE(got.is_last_part);
  EXPECT_EQ(decompress(got.payload, got.raw_bytes), sent.payload);
}

TEST_F(QueueTest, ReadsInSlicesOfCountAndBytesButAtLeastOne) {
  open_with_stream();
  for (int i = 0; i < 5; ++i) append_transactions(1, 1000);
  const int64_t first = read_all()[0].id;
  EXPECT_EQ(queue_->read_after(first, 2, 1 << 30).size(), 2U);
  EXPECT_EQ(queue_->read_after(first, 100, 2500).size(), 2U);
  EXPECT_EQ(queue_->read_after(first, 100, 1).size(), 1U);
  EXPECT_THAT(queue_->read_after(read_all().back().id, 100, 1 << 30), IsEmpty());
}

TEST_F(QueueTest, KeepsTheStreamRecordAndItsInstance) {
  const Uuid instance = open_with_stream().instance();
  StreamRecord record = queue_->stream_record();
  record.slot = "tributary_a";
  record.system_identifier = "7300000000000000001";
  record.timeline = 3;
  record.nonces = {Uuid::random(), Uuid::random()};
  record.confirm_lsn = {0xfedcba9876543210};
  record.last_commit = Commit{9, {77}, -5};
  record.break_reason = "because";
  record.break_after = queue_->head();
  queue_->store_stream_record(record);

  open();
  EXPECT_EQ(queue_->instance(), instance);
  const StreamRecord kept = queue_->stream_record();
  EXPECT_EQ(kept.stream, record.stream);
  EXPECT_EQ(kept.slot, record.slot);
  EXPECT_EQ(kept.system_identifier, record.system_identifier);
  EXPECT_EQ(kept.timeline, 3U);
  EXPECT_EQ(kept.nonces, record.nonces);
  EXPECT_EQ(kept.confirm_lsn, record.confirm_lsn);
  EXPECT_EQ(kept.last_commit, record.last_commit);
  EXPECT_EQ(kept.break_reason, "because");
  EXPECT_EQ(kept.break_after, record.break_after);
}

TEST_F(QueueTest, ConfirmsAPositionOfTheLogTogetherWithItsBatches) {
  open_with_stream();
  const Batch batch = batch_after(queue_->head(), 1);
  queue_->append({{batch}, {}, {500}, Commit{700, batch.to.end_lsn, 1}});
  queue_->append({{}, {}, {900}, std::nullopt});
  const StreamRecord record = queue_->stream_record();
  EXPECT_EQ(record.confirm_lsn, Lsn{900});
  ASSERT_TRUE(record.last_commit);
  EXPECT_EQ(record.last_commit->end_lsn, batch.to.end_lsn);
}

TEST_F(QueueTest, HoldsWhatWasAppendedAfterTheProcessWasKilled) {
  open_with_stream();
  const Position start = queue_->head();
  queue_.reset();
  const pid_t child = fork();
  if (child == 0) {
    queue_ = std::make_unique<Queue>(config_, options_);
    append_transactions(2);
    append(part_after(queue_->head(), 0, false));
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);

  open();
  EXPECT_EQ(queue_->head().stream, start.stream);
  EXPECT_EQ(queue_->head().seq, 2U);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 2));
  append_transactions(1);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 2, 3));
}

TEST_F(QueueTest, RefusesABatchThatDoesNotFollow) {
  open_with_stream();
  const Position start = queue_->head();
  append_transactions(1);
  EXPECT_EQ(failure_of([&] { append(batch_after(start, 1)); }).kind(), ErrorKind::internal);
  Batch gap = batch_after(queue_->head(), 1);
  gap.part = 1;
  EXPECT_EQ(failure_of([&] { append(gap); }).kind(), ErrorKind::internal);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 1));
}

TEST_F(QueueTest, ShowsThePartsOfATransactionOnlyWhenItIsComplete) {
  open_with_stream();
  append_transactions(1);
  const Position before = queue_->head();
  append(part_after(before, 0, false));
  append(part_after(before, 1, false));
  EXPECT_EQ(queue_->head(), before);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 1));
  EXPECT_EQ(failure_of([&] { append_transactions(1); }).kind(), ErrorKind::internal);

  append(part_after(before, 2, true));
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 1, 1, 1, 2));
  const auto place = queue_->find(before);
  ASSERT_TRUE(place);
  EXPECT_THAT(sequence_numbers(place->after_id), ElementsAre(1, 1, 2));
  queue_->acknowledge(before);
  EXPECT_EQ(queue_->stats().batches, 3U);
}

TEST_F(QueueTest, DropsThePartsOfATransactionThatComesAgain) {
  open_with_stream();
  append(part_after(queue_->head(), 0, false));
  queue_->drop_incomplete();
  EXPECT_EQ(queue_->stats().batches, 1U);
  append(part_after(queue_->head(), 0, false));
  open();
  append_transactions(1);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 1));
}

TEST_F(QueueTest, KnowsTheShapesOfTablesAndTheLatestOfEach) {
  open_with_stream();
  const Relation one{"public", "document", {{"id", 23, "", -1, true}}};
  const Relation two{"public", "document", {{"id", 23, "", -1, true}, {"body", 25, "", -1, false}}};
  for (const Relation& shape : {one, two})
    queue_->append({{batch_after(queue_->head(), 1)}, {shape}, {}, std::nullopt});
  EXPECT_THAT(queue_->latest_relations(), ElementsAre(two));
  queue_->append({{batch_after(queue_->head(), 1)}, {one}, {}, std::nullopt});

  open();
  EXPECT_THAT(queue_->latest_relations(), ElementsAre(one));
  EXPECT_EQ(queue_->relation(two.shape_id()), two);
  EXPECT_EQ(failure_of([&] { queue_->relation(1); }).kind(), ErrorKind::internal);
}

TEST_F(QueueTest, BeginsANewStreamAfterWhatIsUnsentOrInsteadOfIt) {
  open_with_stream();
  const Position first = append_transactions(2);
  const Position second = begin_stream(first, false);
  append_transactions(1);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 2, 0, 1));
  EXPECT_EQ(queue_->stream_record().stream, second.stream);
  const auto place = queue_->find(first);
  ASSERT_TRUE(place);
  EXPECT_THAT(sequence_numbers(place->after_id), ElementsAre(0, 1));

  Position foreign = first;
  foreign.chain ^= 1;
  begin_stream(foreign, true);
  append_transactions(1);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 1));
  EXPECT_EQ(queue_->stats().batches, 2U);
  EXPECT_FALSE(queue_->find(first));
  const auto replaced = queue_->find(foreign);
  ASSERT_TRUE(replaced);
  EXPECT_THAT(sequence_numbers(replaced->after_id), ElementsAre(0, 1));
}

TEST_F(QueueTest, ANewStreamMustFollowTheHeadUnlessWhatIsUnsentIsDropped) {
  open_with_stream();
  append_transactions(1);
  EXPECT_EQ(failure_of([&] { begin_stream(Position{}, false); }).kind(), ErrorKind::internal);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 1));
}

TEST_F(QueueTest, WakesTheReaderWhenSomethingWholeWasAppended) {
  open_with_stream();
  int wakes = 0;
  queue_->on_append([&] { ++wakes; });
  append_transactions(1);
  EXPECT_EQ(wakes, 1);
  append(part_after(queue_->head(), 0, false));
  queue_->append({{}, {}, {9999}, std::nullopt});
  EXPECT_EQ(wakes, 1);
  append(part_after(queue_->head(), 1, true));
  EXPECT_EQ(wakes, 2);
}

TEST_F(QueueTest, AppendsWhileItIsReadAndAcknowledged) {
  open_with_stream();
  constexpr uint64_t kCount = 300;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kCount; ++i) append_transactions(1, 3000);
  });
  Position reached;
  int64_t id = 0;
  while (reached.seq < kCount) {
    for (const StoredBatch& stored : queue_->read_after(id, 7, 1 << 20)) {
      ASSERT_EQ(stored.batch.from, reached);
      reached = stored.batch.to;
      id = stored.id;
    }
    if (!reached.is_nil()) queue_->acknowledge(reached);
    now_ += 1'000'000'000;
  }
  writer.join();
  EXPECT_EQ(queue_->stats().batches, 0U);
  EXPECT_EQ(queue_->stats().bytes, 0U);
}

TEST_F(QueueTest, CountsWhatTheParentHasNotApplied) {
  open_with_stream();
  append_transactions(1);
  const Position middle = append_transactions(1);
  append_transactions(2);
  EXPECT_EQ(queue_->stats().batches, 4U);
  EXPECT_EQ(queue_->stats().oldest_commit_time, 1'000'000);
  const uint64_t all_bytes = queue_->stats().bytes;
  queue_->acknowledge(middle);
  const QueueStats stats = queue_->stats();
  EXPECT_EQ(stats.batches, 1U);
  EXPECT_EQ(stats.bytes, read_all().back().batch.payload.size());
  EXPECT_LT(stats.bytes, all_bytes);
  EXPECT_EQ(stats.oldest_commit_time, 3'000'000);
  EXPECT_EQ(stats.applied, middle);
  EXPECT_EQ(stats.head.seq, 4U);
  open();
  EXPECT_EQ(queue_->stats().batches, 1U);
  EXPECT_EQ(queue_->stats().bytes, stats.bytes);
  EXPECT_EQ(queue_->stats().applied, middle);
}

}  // namespace
}  // namespace tributary
