// A child that sends what does not follow: a small client speaks for it, frame by frame.
#include <boost/asio/co_spawn.hpp>

#include "change/compression.h"
#include "change/digest.h"
#include "change/payload.h"
#include "change/relation.h"
#include "change/want.h"
#include "system/hand_made_child.h"
#include "system/positions_fixture.h"
#include "wire/convert.h"
#include "wire/protocol.h"
#include "wire/tls.h"

namespace tributary {
namespace {

using test::Node;
using testing::HasSubstr;

// One session with the parent, in the child's name.
class Client {
 public:
  Client(const test::Pki& pki, Node& child, Node& parent) {
    const TlsContext tls({pki.ca().string(), pki.certificate(child.name()).string(), pki.key(child.name()).string()},
                         child.name());
    const std::string endpoint = "127.0.0.1:" + std::to_string(child.link().port());
    await(open(endpoint, tls, child.name(), parent.name()));
  }

  const Position& applied() const { return applied_; }
  const Want& welcomed() const { return welcomed_; }
  void send(const link::Frame& frame) { await(link_->send(frame)); }
  void send(Batch batch) {
    link::Frame frame;
    write_batch(frame.mutable_batch(), std::move(batch));
    send(frame);
  }
  // What the parent says until it ends the session: the refusal's words.
  std::string refusal() {
    for (;;) {
      const link::Frame frame = receive();
      if (frame.has_refusal()) return frame.refusal().message();
    }
  }
  // Until the parent says that it has applied `position`.
  void wait_until_applied(const Position& position) {
    for (;;) {
      const link::Frame frame = receive();
      if (frame.has_ack() && test::says_applied(frame.ack(), position)) return;
      if (frame.has_refusal()) throw std::runtime_error("refused: " + frame.refusal().message());
      if (frame.has_want()) wants_.push_back(want_from(frame.want()));
    }
  }
  // What it said of the tables meanwhile.
  const std::vector<Want>& wants() const { return wants_; }

 private:
  Task<> open(std::string endpoint, TlsContext tls, std::string child, std::string parent) {
    link_ = co_await Link::connect(endpoint, tls, parent, std::chrono::seconds(10));
    link::Frame frame;
    link::Hello& hello = *frame.mutable_hello();
    hello.set_protocol_version(kProtocolVersion);
    hello.set_node(child);
    hello.set_instance(Uuid::random().to_bytes());
    hello.set_parent(parent);
    hello.add_tables("public.note");
    co_await link_->send(frame);
    const link::Frame answer = co_await link_->receive(1 << 20);
    if (!answer.has_welcome()) throw std::runtime_error("not welcome: " + answer.ShortDebugString());
    applied_ = position_from(answer.welcome().applied());
    welcomed_ = want_from(answer.welcome().want());
  }
  link::Frame receive() {
    link::Frame frame;
    await([](Link& from, link::Frame& out) -> Task<> {
      out = co_await with_deadline(std::chrono::seconds(20), "the parent's answer", from.receive(1 << 20));
    }(*link_, frame));
    return frame;
  }
  void await(Task<> task) {
    std::exception_ptr failure;
    context_.restart();
    asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error) { failure = error; });
    context_.run();
    if (failure) std::rethrow_exception(failure);
  }

  asio::io_context context_;
  std::unique_ptr<Link> link_;
  Position applied_;
  Want welcomed_;
  std::vector<Want> wants_;
};

class NotFollowingTest : public test::PositionsTest {
 protected:
  NotFollowingTest() {
    start();
    write_and_wait(5);
    district().agent().stop();
    before = notes(region());
  }

  static Relation note() {
    Relation relation;
    relation.schema = "public";
    relation.name = "note";
    relation.columns = {{"id", 23, {}, -1, true}, {"body", 25, {}, -1, false}, {"is_public", 16, {}, -1, false}};
    return relation;
  }
  // A well-made batch of one transaction, which puts note 1 with another body.
  static Batch batch_after(const Position& from) {
    std::string tuple;
    write_tuple(tuple, {{ValueKind::text, "1"}, {ValueKind::text, "forged"}, {ValueKind::text, "t"}});
    return batch_after(from, ChangeKind::put, tuple);
  }
  static Batch batch_after(const Position& from, ChangeKind kind, const std::string& bytes) {
    Batch batch;
    batch.from = from;
    batch.relations = {note().shape_id()};
    std::string raw;
    write_change(raw, kind, 0, bytes);
    const Commit commit{1234, Lsn{from.end_lsn.value + 100}, 700'000'000'000'000};
    write_commit(raw, commit);
    batch.to = advance(from, commit);
    batch.changes = 1;
    batch.raw_bytes = raw.size();
    batch.payload = compress(raw);
    return batch;
  }
  std::unique_ptr<Client> greet() {
    auto client = std::make_unique<Client>(tree.pki(), district(), region());
    link::Frame frame;
    write_relation(frame.mutable_relation(), note());
    client->send(frame);
    return client;
  }
  void expect_refused(const std::string& what, Batch batch, const std::string& words) {
    SCOPED_TRACE(what);
    const auto client = greet();
    client->send(std::move(batch));
    EXPECT_THAT(client->refusal(), HasSubstr(words));
    EXPECT_EQ(notes(region()), before);
    EXPECT_EQ(applied_seq(), 5);
  }

  std::string before;
};

using HearingTest = NotFollowingTest;

TEST_F(HearingTest, a_child_hears_of_its_tables_at_the_beginning_and_before_what_is_acknowledged) {
  const auto client = greet();
  EXPECT_EQ(client->welcomed().at, client->applied());
  ASSERT_EQ(client->welcomed().tables.size(), 1u);
  EXPECT_EQ(client->welcomed().tables[0].table, "public.note");
  EXPECT_TRUE(client->welcomed().tables[0].is_complete);

  DigestView digest;
  digest.is_to_verify = true;
  digest.ranges.emplace_back();
  Batch batch = batch_after(client->applied(), ChangeKind::digest, encode_digest(digest));
  const Position place = batch.to;
  client->send(std::move(batch));
  client->wait_until_applied(place);
  ASSERT_EQ(client->wants().size(), 1u);
  const Want& want = client->wants()[0];
  EXPECT_EQ(want.at, place);
  ASSERT_EQ(want.comparisons.size(), 1u);
  EXPECT_EQ(want.comparisons[0].seq, place.seq);
  ASSERT_EQ(want.comparisons[0].differences.size(), 1u);
  EXPECT_EQ(want.comparisons[0].differences[0].rows.size(), 5u);
}

TEST_F(NotFollowingTest, a_batch_is_applied_only_after_the_position_that_it_names) {
  const Position applied = greet()->applied();
  ASSERT_EQ(applied.seq, 6U);
  const std::string does_not_follow = "does not follow";

  Position other = applied;
  other.seq -= 1;
  expect_refused("behind", batch_after(other), does_not_follow);
  other = applied;
  other.seq += 1;
  expect_refused("ahead", batch_after(other), does_not_follow);
  other = applied;
  other.chain ^= 1;
  expect_refused("another history", batch_after(other), does_not_follow);
  other = applied;
  other.end_lsn.value += 8;
  expect_refused("another place of the log", batch_after(other), does_not_follow);
  other = applied;
  other.stream = Uuid::random();
  expect_refused("another stream", batch_after(other), does_not_follow);
  expect_refused("no stream", batch_after(Position{}), "without a stream");

  Batch batch = batch_after(applied);
  batch.part = 1;
  expect_refused("a part without those before", std::move(batch), does_not_follow);
  batch = batch_after(applied);
  batch.to.chain ^= 1;
  expect_refused("an end that its transactions do not reach", std::move(batch), "");
  batch = batch_after(applied);
  batch.to.seq += 1;
  expect_refused("a longer way than its transactions go", std::move(batch), "");
  batch = batch_after(applied);
  batch.kind = BatchKind::new_stream;
  batch.payload.clear();
  batch.relations.clear();
  batch.changes = 0;
  batch.raw_bytes = 0;
  batch.from = batch_after(applied).to;
  batch.to = Position{};
  batch.to.stream = Uuid::random();
  expect_refused("a new stream after a place that was not reached", std::move(batch), does_not_follow);

  {
    const auto client = greet();
    client->send(batch_after(applied));
    client->wait_until_applied(batch_after(applied).to);  // the client itself is well-made
    EXPECT_EQ(region().sql().value("SELECT body FROM note WHERE id = 1"), "forged");
  }
}

TEST_F(NotFollowingTest, the_second_of_two_batches_that_follow_the_same_place_is_refused) {
  const auto client = greet();
  const Position applied = client->applied();
  client->send(batch_after(applied));
  client->send(batch_after(applied));
  EXPECT_THAT(client->refusal(), HasSubstr("does not follow"));
}

TEST_F(NotFollowingTest, a_position_that_another_session_moved_is_noticed) {
  const auto client = greet();
  region().sql().exec("UPDATE tributary.applied SET seq = seq + 1 WHERE child = 'district'");
  client->send(batch_after(client->applied()));
  EXPECT_THAT(client->refusal(), HasSubstr("applied position"));
  EXPECT_EQ(notes(region()), before);
  region().sql().exec("UPDATE tributary.applied SET seq = seq - 1 WHERE child = 'district'");
  start_district();
  write_and_wait(1);
}

}  // namespace
}  // namespace tributary
