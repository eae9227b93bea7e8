// What was appended last is read from memory, and is what the file says.
#include "queue/recent.h"

#include "unit/queue/queue_fixture.h"

namespace tributary {
namespace {

class RecentTest : public QueueTest {
 protected:
  // What memory says follows `id`; the file must say the same.
  std::optional<size_t> recent_after(int64_t id) {
    const auto recent = queue_->read_recent(id);
    if (!recent) return std::nullopt;
    const std::vector<StoredBatch> stored = read_all(id);
    EXPECT_EQ(recent->size(), stored.size());
    for (size_t i = 0; i < std::min(recent->size(), stored.size()); ++i) {
      const Batch& one = (*recent)[i].batch;
      const Batch& other = stored[i].batch;
      EXPECT_EQ((*recent)[i].id, stored[i].id);
      EXPECT_EQ(one.from, other.from);
      EXPECT_EQ(one.to, other.to);
      EXPECT_EQ(one.raw_bytes, other.raw_bytes);
      EXPECT_EQ(decompress(one.payload, one.raw_bytes), decompress(other.payload, other.raw_bytes));
    }
    return recent->size();
  }
  int64_t last_id() { return read_all().back().id; }
};

TEST_F(RecentTest, WhatWasJustAppended) {
  open_with_stream();
  const int64_t begin = last_id();
  EXPECT_EQ(recent_after(begin), 0U);
  for (int i = 0; i < 5; ++i) append_transactions(2);
  EXPECT_EQ(recent_after(begin), 5U);
  EXPECT_EQ(recent_after(last_id() - 1), 1U);
  EXPECT_EQ(recent_after(last_id()), 0U);
}

TEST_F(RecentTest, NotWhatWasThereBefore) {
  open_with_stream();
  const int64_t begin = last_id();
  append_transactions(1);
  open();
  EXPECT_EQ(recent_after(begin), std::nullopt);
  EXPECT_EQ(recent_after(last_id()), 0U);
  append_transactions(1);
  EXPECT_EQ(recent_after(last_id() - 1), 1U);
}

TEST_F(RecentTest, NothingLarge) {
  open_with_stream();
  const int64_t begin = last_id();
  append_transactions(1);
  append_transactions(1, RecentBatches::kBatchBytesMax);
  EXPECT_EQ(recent_after(begin), std::nullopt);
  EXPECT_EQ(recent_after(last_id()), 0U);
}

TEST_F(RecentTest, NoPartOfALargeTransaction) {
  open_with_stream();
  const int64_t begin = last_id();
  append(part_after(queue_->head(), 0, false));
  EXPECT_EQ(recent_after(begin), std::nullopt);
  queue_->drop_incomplete();
  append_transactions(1);
  EXPECT_EQ(recent_after(begin), std::nullopt);
  EXPECT_EQ(recent_after(last_id()), 0U);
  append_transactions(1);
  EXPECT_EQ(recent_after(last_id() - 1), 1U);
}

TEST_F(RecentTest, NoMoreThanItsBound) {
  open_with_stream();
  const int64_t begin = last_id();
  for (int i = 0; i < 40; ++i) append_transactions(1, 50'000);
  EXPECT_EQ(recent_after(begin), std::nullopt);
  EXPECT_EQ(recent_after(last_id() - 10), 10U);
}

TEST_F(RecentTest, NothingOfABrokenStream) {
  open_with_stream();
  append_transactions(1);
  const int64_t before = last_id();
  begin_stream(queue_->head(), false);
  EXPECT_EQ(recent_after(before), std::nullopt);
  EXPECT_EQ(recent_after(last_id()), 0U);
}

}  // namespace
}  // namespace tributary
