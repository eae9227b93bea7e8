#include "wire/convert.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "change/payload.h"

namespace tributary {
namespace {

constexpr uint64_t kRawMax = 1000;

Position position(uint64_t seq) {
  static const Uuid stream = Uuid::random();
  return {stream, seq, {seq * 100}, seq * 0x1234567890abcdef};
}

Batch whole_batch() {
  Batch batch;
  batch.from = position(3);
  batch.to = position(5);
  batch.relations = {1, ~0ULL};
  batch.raw_bytes = 99;
  batch.changes = 7;
  batch.first_commit_time = -4;
  batch.payload = std::string("\x28\xb5\x2f\xfd\0", 5);
  return batch;
}

link::Batch message_of(Batch batch) {
  link::Batch message;
  write_batch(&message, std::move(batch));
  return message;
}

bool is_accepted(link::Batch message) {
  try {
    batch_from(std::move(message), kRawMax, Position{});
    return true;
  } catch (const Error& failure) {
    EXPECT_EQ(failure.kind(), ErrorKind::protocol);
    return false;
  }
}

Relation document() {
  return {"public",
          "document",
          {{"id", 2950, "", -1, true}, {"status", 90001, "public.state", -1, false}, {"title", 1043, "", 104, false}}};
}

bool is_accepted(const link::Relation& message) {
  try {
    relation_from(message);
    return true;
  } catch (const Error& failure) {
    EXPECT_EQ(failure.kind(), ErrorKind::protocol);
    return false;
  }
}

TEST(Convert, PositionsComeBack) {
  for (const Position& sent : {position(9), Position{}, Position{Uuid::random(), ~0ULL, {~0ULL}, ~0ULL}}) {
    link::Position message;
    write_position(&message, sent);
    EXPECT_EQ(position_from(message), sent);
  }
}

TEST(Convert, APositionHasAStreamOfSixteenBytes) {
  link::Position message;
  EXPECT_THROW(position_from(message), Error);
  message.set_stream(std::string(15, 'x'));
  EXPECT_THROW(position_from(message), Error);
  message.set_stream(std::string(16, '\0'));
  EXPECT_EQ(position_from(message), Position{});
  message.set_seq(1);
  EXPECT_THROW(position_from(message), Error);
}

TEST(Convert, RelationsComeBack) {
  link::Relation message;
  write_relation(&message, document());
  EXPECT_EQ(relation_from(message), document());
}

TEST(Convert, ARelationMustBeWholeAndBearItsOwnId) {
  link::Relation good;
  write_relation(&good, document());
  link::Relation message = good;
  message.set_shape_id(good.shape_id() + 1);
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.mutable_columns(1)->set_is_key(true);
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.clear_name();
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.mutable_columns(0)->clear_name();
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.clear_columns();
  EXPECT_FALSE(is_accepted(message));
  message = good;
  for (int i = 0; i < 2000; ++i) message.add_columns()->set_name("c");
  EXPECT_FALSE(is_accepted(message));
}

TEST(Convert, BatchesComeBack) {
  const Batch sent = whole_batch();
  const Batch got = batch_from(message_of(sent), kRawMax, Position{});
  EXPECT_EQ(got.kind, BatchKind::changes);
  EXPECT_EQ(got.from, sent.from);
  EXPECT_EQ(got.to, sent.to);
  EXPECT_EQ(got.relations, sent.relations);
  EXPECT_EQ(got.raw_bytes, sent.raw_bytes);
  EXPECT_EQ(got.changes, sent.changes);
  EXPECT_EQ(got.first_commit_time, sent.first_commit_time);
  EXPECT_EQ(got.payload, sent.payload);
  EXPECT_TRUE(got.is_last_part);
  EXPECT_EQ(bytes_in_flight(got), bytes_in_flight(sent));
}

// One transaction after `from`, plain.
Batch plain_batch(const Position& from) {
  const Commit commit{17, {from.end_lsn.value + 8}, 4711};
  Batch batch;
  batch.from = from;
  batch.to = advance(from, commit);
  batch.relations = {1};
  batch.changes = 1;
  batch.first_commit_time = commit.time;
  write_change(batch.payload, ChangeKind::clear, 0, {});
  write_commit(batch.payload, commit);
  batch.raw_bytes = batch.payload.size();
  return batch;
}

TEST(Convert, WhatTheOtherSideCanTellIsLeftOut) {
  const Batch sent = plain_batch(position(3));
  link::Batch message;
  write_next_batch(&message, Batch(sent), position(3));
  EXPECT_FALSE(message.has_from());
  EXPECT_FALSE(message.has_to());
  const Batch got = batch_from(std::move(message), kRawMax, position(3));
  EXPECT_EQ(got.from, sent.from);
  EXPECT_EQ(got.to, sent.to);
  EXPECT_EQ(got.raw_bytes, sent.raw_bytes);
  EXPECT_EQ(got.first_commit_time, sent.first_commit_time);
  EXPECT_EQ(got.payload, sent.payload);
  EXPECT_EQ(bytes_in_flight(got), bytes_in_flight(sent));

  message.Clear();
  write_next_batch(&message, Batch(sent), position(2));
  EXPECT_EQ(batch_from(std::move(message), kRawMax, position(2)).from, position(3));
  message.Clear();
  write_next_batch(&message, whole_batch(), position(3));
  EXPECT_EQ(batch_from(std::move(message), kRawMax, position(3)).to, whole_batch().to);
}

TEST(Convert, APlainPayloadMustLeadSomewhere) {
  link::Batch good;
  write_next_batch(&good, plain_batch(position(3)), position(3));
  const auto refuses = [](link::Batch message, const Position& reached) {
    try {
      batch_from(std::move(message), kRawMax, reached);
      return false;
    } catch (const Error& failure) {
      return failure.kind() == ErrorKind::protocol;
    }
  };
  EXPECT_FALSE(refuses(good, position(3)));
  EXPECT_TRUE(refuses(good, Position{}));
  link::Batch message = good;
  message.mutable_payload()->pop_back();
  EXPECT_TRUE(refuses(message, position(3)));
  message = good;
  message.set_payload(std::string("T\0\0", 3));
  EXPECT_TRUE(refuses(message, position(3)));
  message = good;
  message.set_raw_bytes(5);
  EXPECT_TRUE(refuses(message, position(3)));
  message = good;
  message.set_payload(std::string(kRawMax + 1, 'C'));
  EXPECT_TRUE(refuses(message, position(3)));
  message = message_of(whole_batch());
  message.clear_raw_bytes();
  EXPECT_TRUE(refuses(message, position(3)));
}

TEST(Convert, PartsOfATransactionComeBack) {
  Batch part = whole_batch();
  part.to = part.from;
  part.part = 4;
  part.is_last_part = false;
  const Batch got = batch_from(message_of(part), kRawMax, Position{});
  EXPECT_EQ(got.part, 4U);
  EXPECT_FALSE(got.is_last_part);
  part.is_last_part = true;
  EXPECT_FALSE(is_accepted(message_of(part)));
  part.to = position(4);
  EXPECT_TRUE(is_accepted(message_of(part)));
  part.to = position(5);  // a transaction by parts is one transaction
  EXPECT_FALSE(is_accepted(message_of(part)));
  part.is_last_part = false;
  EXPECT_FALSE(is_accepted(message_of(part)));
}

TEST(Convert, ANewStreamCarriesItsReasonAndNoChanges) {
  Batch begin;
  begin.kind = BatchKind::new_stream;
  begin.from = position(3);
  begin.to.stream = Uuid::random();
  begin.reason = "the slot was lost";
  EXPECT_EQ(batch_from(message_of(begin), kRawMax, Position{}).reason, "the slot was lost");
  EXPECT_EQ(batch_from(message_of(begin), kRawMax, Position{}).kind, BatchKind::new_stream);
  Batch bad = begin;
  bad.to.seq = 1;
  EXPECT_FALSE(is_accepted(message_of(bad)));
  bad = begin;
  bad.to = {};
  EXPECT_FALSE(is_accepted(message_of(bad)));
  bad = begin;
  bad.to.stream = bad.from.stream;
  EXPECT_FALSE(is_accepted(message_of(bad)));
  bad = begin;
  bad.payload = "x";
  EXPECT_FALSE(is_accepted(message_of(bad)));
  bad = begin;
  bad.relations = {1};
  EXPECT_FALSE(is_accepted(message_of(bad)));
  bad = begin;
  bad.part = 1;
  EXPECT_FALSE(is_accepted(message_of(bad)));
}

TEST(Convert, ABatchMustGoForwardInOneStreamAndHaveAPayload) {
  const link::Batch good = message_of(whole_batch());
  link::Batch message = good;
  message.clear_from();
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.clear_to();
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.mutable_to()->set_seq(3);
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.mutable_to()->set_stream(Uuid::random().to_bytes());
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.mutable_to()->set_stream("short");
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.clear_payload();
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.set_raw_bytes(kRawMax + 1);
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.set_kind(static_cast<link::BatchKind>(9));
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.mutable_to()->set_seq(good.from().seq() + 1'000'000);
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.set_changes(10'000'000);
  EXPECT_FALSE(is_accepted(message));
  message = good;
  message.mutable_relations()->Resize(0x10001, 1);
  EXPECT_FALSE(is_accepted(message));
  EXPECT_TRUE(is_accepted(good));
}

TEST(Convert, AWantIsReadAsItWasWritten) {
  Want want;
  TableState& table = want.tables.emplace_back();
  table.table = "public.document";
  table.walked_to = "key";
  table.kept = 3;
  table.reason = "a column is missing";
  table.hint = "ALTER";
  table.rows = 7;
  table.is_complete = table.wants_rows = table.to_be_compared = true;
  want.tables.emplace_back().table = "public.photo";
  want.keys.push_back({"public.photo", "k"});
  link::Want message;
  write_want(&message, want);
  const Want read = want_from(message);
  EXPECT_EQ(read.tables, want.tables);
  EXPECT_EQ(read.keys, want.keys);
}

}  // namespace
}  // namespace tributary
