#include "apply/group.h"

#include <gtest/gtest.h>

#include "change/compression.h"

namespace tributary {
namespace {

Group unpack(const std::vector<const Batch*>& batches, const Position& applied) {
  GroupReader reader(applied);
  for (const Batch* batch : batches) reader.add(*batch);
  reader.whole();
  return std::move(reader).take();
}

// A stream of transactions with one change each, packed as a child packs them.
class Stream {
 public:
  Stream() { position_.stream = Uuid::random(); }

  Position position() const { return position_; }

  Batch batch(size_t transactions) {
    Batch batch;
    batch.from = position_;
    batch.relations = {77};
    std::string raw, tuple;
    write_tuple(tuple, {{ValueKind::text, "k"}});
    for (size_t i = 0; i < transactions; ++i) {
      const Commit commit{static_cast<uint32_t>(++xid_), Lsn{xid_ * 100}, static_cast<int64_t>(xid_)};
      write_change(raw, ChangeKind::put, 0, tuple);
      ++batch.changes;
      write_commit(raw, commit);
      position_ = advance(position_, commit);
      places_.push_back(position_);
    }
    batch.to = position_;
    return packed(std::move(batch), raw);
  }

  static Batch packed(Batch batch, const std::string& raw) {
    batch.raw_bytes = raw.size();
    batch.payload = compress(raw);
    return batch;
  }

  const Position& after(size_t transactions) const { return places_[transactions - 1]; }

 private:
  Position position_;
  uint64_t xid_ = 0;
  std::vector<Position> places_;
};

TEST(Group, ContinuesInTheMiddleOfABatch) {
  Stream stream;
  const Position beginning = stream.position();
  const Batch first = stream.batch(3), second = stream.batch(2);
  EXPECT_EQ(unpack({&first, &second}, beginning).transactions.size(), 5u);
  const Group rest = unpack({&first, &second}, stream.after(2));
  ASSERT_EQ(rest.transactions.size(), 3u);
  EXPECT_EQ(rest.changes.size(), 3u);
  EXPECT_EQ(rest.changes[0].shape_id, 77u);
  EXPECT_EQ(rest.transactions[0].position, stream.after(3));
  EXPECT_EQ(rest.transactions[2].position, second.to);
  EXPECT_TRUE(unpack({&first}, first.to).transactions.empty());
}

TEST(Group, APlaceThatTheBatchesDoNotHoldIsRefused) {
  Stream stream, other;
  const Batch batch = stream.batch(3);
  EXPECT_THROW(unpack({&batch}, other.position()), Error);
  Position forged = stream.after(1);
  forged.chain ^= 1;
  EXPECT_THROW(unpack({&batch}, forged), Error);
}

TEST(Group, ABatchMustReachThePositionItNames) {
  Stream stream;
  const Position beginning = stream.position();
  Batch batch = stream.batch(2);
  batch.to = stream.after(1);
  EXPECT_THROW(unpack({&batch}, beginning), Error);
}

TEST(Group, ABatchOfMoreTransactionsThanLeadToItsEndIsRefused) {
  Stream stream;
  const Position beginning = stream.position();
  Batch batch = stream.batch(2);
  std::string raw = decompress(batch.payload, batch.raw_bytes);
  for (uint32_t xid = 50; xid < 60; ++xid) write_commit(raw, {xid, Lsn{9000 + xid}, 5});
  batch = Stream::packed(std::move(batch), raw);
  EXPECT_THROW(unpack({&batch}, beginning), Error);
  EXPECT_THROW(unpack({&batch}, batch.to), Error);
}

TEST(Group, ABatchMustNotEndWithinATransaction) {
  Batch batch;
  batch.relations = {77};
  batch.changes = 1;
  std::string raw, tuple;
  write_tuple(tuple, {{ValueKind::text, "k"}});
  write_change(raw, ChangeKind::put, 0, tuple);
  batch = Stream::packed(std::move(batch), raw);
  EXPECT_THROW(unpack({&batch}, batch.from), Error);
}

TEST(Group, AChangeOfATableThatIsNotListedIsRefused) {
  Stream stream;
  const Position beginning = stream.position();
  Batch batch = stream.batch(1);
  batch.relations.clear();
  EXPECT_THROW(unpack({&batch}, beginning), Error);
}

TEST(Group, APayloadThatClaimsTooMuchIsNotUnpacked) {
  Stream stream;
  const Position beginning = stream.position();
  Batch batch = stream.batch(1);
  batch.raw_bytes = 1ULL << 40;
  EXPECT_THROW(unpack({&batch}, beginning), Error);
}

TEST(Group, APayloadOfMoreChangesThanItsBatchSaysIsRefused) {
  Stream stream;
  const Position beginning = stream.position();
  Batch batch = stream.batch(3);
  EXPECT_EQ(unpack({&batch}, beginning).changes.size(), 3u);
  batch.changes = 2;
  EXPECT_THROW(unpack({&batch}, beginning), Error);
  EXPECT_THROW(unpack({&batch}, batch.to), Error) << "also where the changes are skipped";

  Batch part = Stream().batch(1);
  EXPECT_EQ(unpack_part(part).changes.size(), 1u);
  part.changes = 0;
  EXPECT_THROW(unpack_part(part), Error);
}

TEST(Group, OnlyTheLastPartEndsTheTransaction) {
  Batch part;
  part.relations = {77};
  part.changes = 1;
  part.is_last_part = false;
  std::string raw, tuple;
  write_tuple(tuple, {{ValueKind::text, "k"}});
  write_change(raw, ChangeKind::put, 0, tuple);
  part = Stream::packed(std::move(part), raw);
  EXPECT_EQ(unpack_part(part).changes.size(), 1u);
  part.is_last_part = true;
  EXPECT_THROW(unpack_part(part), Error);
  const Commit commit{7, Lsn{100}, 5};
  write_commit(raw, commit);
  part.to = advance(part.from, commit);
  part = Stream::packed(std::move(part), raw);
  ASSERT_EQ(unpack_part(part).transactions.size(), 1u);
  part.is_last_part = false;
  EXPECT_THROW(unpack_part(part), Error);
}

}  // namespace
}  // namespace tributary
