// Small batches go over the link as one, with every transaction where it was.
#include "uplink/outgoing.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "change/compression.h"
#include "change/payload.h"

namespace tributary {
namespace {

class OutgoingTest : public testing::Test {
 protected:
  OutgoingTest() { head.stream = Uuid::random(); }

  // One transaction of a change in each of `shapes`, as the queue stores it.
  Batch next(const std::vector<uint64_t>& shapes, size_t text_bytes = 100) {
    Batch batch;
    batch.from = head;
    batch.relations = shapes;
    std::string raw;
    for (size_t i = 0; i < shapes.size(); ++i) {
      std::string tuple;
      write_tuple(tuple, {{ValueKind::text, std::string(text_bytes, static_cast<char>('a' + shapes[i] % 26))}});
      write_change(raw, ChangeKind::remove, static_cast<uint16_t>(i), tuple);
    }
    const Commit commit{static_cast<uint32_t>(head.seq + 700), Lsn{head.end_lsn.value + 100},
                        static_cast<int64_t>(head.seq) + 1};
    write_commit(raw, commit);
    batch.changes = static_cast<uint32_t>(shapes.size());
    batch.first_commit_time = commit.time;
    head = batch.to = advance(head, commit);
    batch.raw_bytes = raw.size();
    batch.payload = compress(raw);
    return batch;
  }

  // What the changes and commits of batches say, with the shapes that they name.
  static std::vector<std::string> content(const std::vector<Batch>& batches) {
    std::vector<std::string> records;
    for (const Batch& batch : batches) {
      const std::string raw = decompress(batch.payload, batch.raw_bytes);
      uint32_t changes = 0;
      Position reached = batch.from;
      for (PayloadReader reader(raw); !reader.at_end();) {
        const Record record = reader.next();
        if (const auto* change = std::get_if<ChangeView>(&record)) {
          ++changes;
          records.push_back(std::to_string(batch.relations.at(change->relation)) + std::string(change->tuple));
        } else {
          reached = advance(reached, std::get<Commit>(record));
          records.push_back(reached.to_string());
        }
      }
      EXPECT_EQ(changes, batch.changes);
      EXPECT_EQ(reached, batch.to);
    }
    return records;
  }

  Position head;
};

TEST_F(OutgoingTest, ASmallBatchGoesPlain) {
  const std::vector<Batch> sent = outgoing({next({7})});
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_FALSE(is_compressed(sent[0].payload));
  EXPECT_EQ(sent[0].raw_bytes, sent[0].payload.size());
}

TEST_F(OutgoingTest, SmallOnesBecomeOne) {
  const Position start = head;
  std::vector<Batch> stored;
  for (int i = 0; i < 50; ++i) stored.push_back(next({7, 8}));
  const std::vector<Batch> sent = outgoing(stored);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].from, start);
  EXPECT_EQ(sent[0].to, head);
  EXPECT_EQ(sent[0].first_commit_time, stored[0].first_commit_time);
  EXPECT_EQ(content(sent), content(stored));
}

TEST_F(OutgoingTest, RelationsKeepTheirMeaning) {
  const std::vector<Batch> stored{next({7}), next({8, 7}), next({9}), next({7, 8})};
  const std::vector<Batch> sent = outgoing(stored);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].relations, (std::vector<uint64_t>{7, 8, 9}));
  EXPECT_EQ(content(sent), content(stored));
}

TEST_F(OutgoingTest, TheSumIsBoundedAndLargeOnesAreLeftAlone) {
  std::vector<Batch> stored;
  for (int i = 0; i < 60; ++i) stored.push_back(next({7}, 50'000));
  stored.push_back(next({7}, 400'000));
  const std::string large = stored.back().payload;
  for (int i = 0; i < 2; ++i) stored.push_back(next({7}, 20'000));
  const std::vector<Batch> sent = outgoing(stored);
  EXPECT_EQ(content(sent), content(stored));
  ASSERT_EQ(sent.size(), 5U);
  for (const Batch& batch : sent) EXPECT_LE(batch.raw_bytes, kMergedBytesMax);
  EXPECT_TRUE(is_compressed(sent[0].payload));
  EXPECT_EQ(sent[3].payload, large);
  EXPECT_FALSE(is_compressed(sent[4].payload));
}

TEST_F(OutgoingTest, PartsAndNewStreamsStayWhatTheyAre) {
  Batch part = next({7}), last = next({7}), stream = next({7});
  part.is_last_part = false;
  last.part = 1;
  stream.kind = BatchKind::new_stream;
  stream.payload.clear();
  const std::vector<Batch> sent = outgoing({next({7}), part, last, stream, next({7})});
  ASSERT_EQ(sent.size(), 5U);
  EXPECT_EQ(sent[1].payload, part.payload);
  EXPECT_EQ(sent[2].payload, last.payload);
  EXPECT_EQ(sent[3].kind, BatchKind::new_stream);
}

TEST_F(OutgoingTest, DamageIsNoticed) {
  Batch damaged = next({7});
  damaged.payload.back() = static_cast<char>(damaged.payload.back() ^ 1);
  EXPECT_THROW(outgoing({damaged}), Error);
}

}  // namespace
}  // namespace tributary
