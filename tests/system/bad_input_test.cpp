// What a parent hears from a child that is broken, lying or somebody else: the session ends with a reason on both
// sides, and everybody else is served as before.
#include <gmock/gmock.h>

#include <functional>
#include <regex>

#include "support/hierarchy.h"
#include "system/hand_made_child.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;

class BadInputTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    // "liar" has no agent: it is played by hand.
    tree_->add({.name = "parent", .intake_tables = "[\"public.*\"]\n[[child]]\nname = \"liar\""});
    tree_->add({.name = "good", .parent = "parent", .tables = {{.name = "public.report"}}});
    tree_->exec_everywhere("CREATE TABLE report (id int PRIMARY KEY, body text)");
    tree_->nodes().front()->sql().exec("CREATE TABLE claim (id int PRIMARY KEY, body text)");
    tree_->start();
    tree_->expect_equal();
    files_ = std::make_unique<TempDir>("certificates");
    parents_pid_ = (*tree_)["parent"].agent().pid();
  }
  static void TearDownTestSuite() {
    tree_.reset();
    files_.reset();
  }

  Node& parent() { return (*tree_)["parent"]; }
  Node& good() { return (*tree_)["good"]; }
  uint16_t port() {
    std::smatch found;
    const std::string text = read_file(parent().agent().config_file());
    std::regex_search(text, found, std::regex(R"(\[intake\]\nlisten = "127.0.0.1:(\d+)\")"));
    return static_cast<uint16_t>(std::stoi(found[1]));
  }

  PemPaths authority() { return {tree_->pki().ca(), tree_->pki().ca().parent_path() / "ca.key"}; }
  Credentials credentials(const std::string& node, const PemPaths& ca) {
    const PemPaths files{*files_ / (node + ".pem"), *files_ / (node + ".key")};
    make_node_certificate({.node = node}, ca, files, Overwrite::allow);
    return {ca.certificate, files.certificate, files.key};
  }
  Credentials liar() { return credentials("liar", authority()); }

  static Relation claims() { return {"public", "claim", {{"id", 23, "", -1, true}, {"body", 25, "", -1, false}}}; }

  // A session as it should be, up to the Welcome.
  std::unique_ptr<HandMadeChild> welcomed(Position& applied) {
    auto child = std::make_unique<HandMadeChild>(port(), liar());
    child->send(hello_frame("liar", "parent"));
    const auto answer = child->receive_news();
    if (!answer || !answer->has_welcome()) throw std::runtime_error("the parent does not welcome its child");
    applied = position_from(answer->welcome().applied());
    child->send(relation_frame(claims()));
    return child;
  }
  // ... and with a stream. `applied` is where the next batch begins.
  std::unique_ptr<HandMadeChild> streaming(Position& applied) {
    auto child = welcomed(applied);
    if (!applied.is_nil()) return child;
    Batch beginning = stream_beginning(applied);
    applied = beginning.to;
    child->send(batch_frame(std::move(beginning)));
    expect_applied(*child, applied);
    return child;
  }
  static void expect_applied(HandMadeChild& child, const Position& position) {
    for (;;) {
      const auto answer = child.receive_news();
      ASSERT_TRUE(answer && answer->has_ack());
      EXPECT_FALSE(answer->ack().has_hold()) << answer->ack().hold().reason();
      if (says_applied(answer->ack(), position) || answer->ack().has_hold()) return;
    }
  }

  // A transaction that the parent holds, so that nothing behind it is applied. The position that it would reach.
  static Position send_what_is_held(HandMadeChild& child, const Position& applied) {
    const Relation positions{"tributary", "applied", {{"child", 25, "", -1, true}, {"seq", 20, "", -1, false}}};
    Batch batch = transaction_after(applied, positions, put({"good", "0"}));
    const Position reached = batch.to;
    child.send(relation_frame(positions));
    child.send(batch_frame(std::move(batch)));
    for (;;) {
      const auto answer = child.receive_news();
      if (!answer || !answer->has_ack())
        throw std::runtime_error("the parent answers " + (answer ? answer->DebugString() : "nothing"));
      if (!answer->ack().has_hold()) continue;
      EXPECT_THAT(answer->ack().hold().reason(), HasSubstr("tributary.applied"));
      return reached;
    }
  }

  void expect_others_are_served() {
    static int number = 0;
    const std::string id = std::to_string(++number);
    good().sql().exec("INSERT INTO report VALUES (" + id + ")");
    wait_until("the other child is served",
               [&] { return parent().sql().number("SELECT count(*) FROM report WHERE id = " + id) == 1; });
    EXPECT_TRUE(parent().agent().is_running());
    EXPECT_EQ(parent().agent().pid(), parents_pid_);
  }
  // The parent's log says `words` behind what it said before.
  void expect_in_log(const std::string& words) {
    wait_until("the parent's log says: " + words,
               [&] { return parent().agent().log().find(words, log_begin_) != std::string::npos; });
  }
  void expect_refused(HandMadeChild& child, const std::string& words) {
    EXPECT_THAT(child.last_words(), HasSubstr(words));
    expect_in_log(words);
    expect_others_are_served();
  }
  // A batch that is not what it says, in a session that is as it should be.
  void expect_batch_refused(const std::function<Batch(const Position&)>& make, const std::string& words) {
    SCOPED_TRACE(words);
    log_begin_ = parent().agent().log().size();
    Position applied;
    const auto child = streaming(applied);
    child->send(batch_frame(make(applied)));
    expect_refused(*child, words);
    Position after;
    welcomed(after);
    EXPECT_EQ(after, applied) << "something of the refused batch was applied";
  }

  // So many batches behind each other, of which the parent takes none up: `make` gives the next after a position.
  void expect_more_than_a_window(int batches, const std::function<Batch(const Position&)>& make) {
    Position applied;
    const auto child = streaming(applied);
    applied = send_what_is_held(*child, applied);
    for (int i = 0; i < batches; ++i) {
      Batch batch = make(applied);
      applied = batch.to;
      child->send(batch_frame(std::move(batch)));
    }
    expect_refused(*child, "more than its window allows");
  }

  size_t log_begin_ = parent().agent().log().size();
  static std::unique_ptr<Hierarchy> tree_;
  static std::unique_ptr<TempDir> files_;
  static pid_t parents_pid_;
};

std::unique_ptr<Hierarchy> BadInputTest::tree_;
std::unique_ptr<TempDir> BadInputTest::files_;
pid_t BadInputTest::parents_pid_;

// Without this the refusals below would prove nothing.
TEST_F(BadInputTest, a_child_made_by_hand_is_served_when_it_does_everything_right) {
  Position applied;
  const auto child = streaming(applied);
  const std::string id = std::to_string(applied.seq + 1);
  Batch batch = transaction_after(applied, claims(), put({id, "true"}));
  const Position reached = batch.to;
  child->send(batch_frame(std::move(batch)));
  expect_applied(*child, reached);
  EXPECT_EQ(parent().sql().value("SELECT body FROM claim WHERE id = " + id), "true");
}

TEST_F(BadInputTest, bytes_that_are_no_tls) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = "GET / HTTP/1.1\r\nHost: parent\r\n\r\n";
  ASSERT_EQ(::send(socket, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  char answer[256];
  while (::recv(socket, answer, sizeof answer, 0) > 0) continue;
  ::close(socket);
  expect_in_log("does not speak TLS");
  expect_others_are_served();
}

TEST_F(BadInputTest, a_frame_that_breaks_off) {
  Position applied;
  const auto child = welcomed(applied);
  std::string bytes;
  append_frame(bytes, batch_frame(transaction_after(stream_beginning({}).to, claims(), put({"1", "x"}))));
  child->send_bytes(bytes.substr(0, bytes.size() / 2));
  child->hang_up();
  expect_in_log("in the middle of a frame");
  expect_others_are_served();
}

TEST_F(BadInputTest, frames_of_impossible_lengths) {
  for (const std::string& header : {std::string("\xff\xff\xff\xff"), std::string(4, '\0')}) {
    HandMadeChild stranger(port(), liar());
    stranger.send_bytes(header + "and more");
    stranger.last_words();
    EXPECT_FALSE(stranger.receive()) << "the session goes on";
    log_begin_ = parent().agent().log().size();
    Position applied;
    const auto child = welcomed(applied);
    child->send_bytes(header + "and more");
    expect_refused(*child, "frame");
  }
}

TEST_F(BadInputTest, a_frame_that_is_no_message) {
  Position applied;
  const auto child = welcomed(applied);
  child->send_bytes(std::string("\0\0\0\x04", 4) + "\xff\xff\xff\xff");
  expect_refused(*child, "frame");
}

TEST_F(BadInputTest, packed_frames_that_are_none) {
  Position applied;
  const auto child = streaming(applied);
  std::string bytes;
  Packer packer;
  append_packed_frame(bytes, batch_frame(transaction_after(applied, claims(), put({"1", "x"}))), packer);
  bytes[bytes.size() - 1] = static_cast<char>(bytes[bytes.size() - 1] ^ 0x10);
  child->send_bytes(bytes);
  expect_refused(*child, "packed frame");

  log_begin_ = parent().agent().log().size();
  const auto large = streaming(applied);
  link::Frame frame = batch_frame(transaction_after(applied, claims(), put({"1", std::string(400'000, 'x')})));
  frame.mutable_batch()->set_reason(std::string(kPackedFrameBytesMax, ' '));
  std::string content;
  append_frame(content, frame);
  Packer other;
  const std::string piece = other.pack(std::string_view(content).substr(kFrameHeaderBytes));
  std::string header;
  put_u32(header, static_cast<uint32_t>(piece.size()) | 1U << 31);
  large->send_bytes(header + piece);
  expect_refused(*large, "packed frame");
}

TEST_F(BadInputTest, a_plain_payload_packed_as_an_agent_sends_it) {
  Position applied;
  const auto child = streaming(applied);
  Packer packer;
  for (int i = 0; i < 3; ++i) {
    Batch batch = transaction_after(applied, claims(), put({std::to_string(900 + i), "packed"}));
    batch.payload = decompress(batch.payload, batch.raw_bytes);
    const Position reached = batch.to;
    link::Frame frame;
    write_next_batch(frame.mutable_batch(), std::move(batch), applied);
    std::string bytes;
    append_packed_frame(bytes, frame, packer);
    child->send_bytes(bytes);
    expect_applied(*child, reached);
    applied = reached;
  }
  EXPECT_EQ(parent().sql().number("SELECT count(*) FROM claim WHERE body = 'packed'"), 3);
}

TEST_F(BadInputTest, frames_out_of_place) {
  HandMadeChild impatient(port(), liar());
  impatient.send(relation_frame(claims()));
  expect_refused(impatient, "must be a Hello");

  Position applied;
  const auto repeating = welcomed(applied);
  repeating->send(hello_frame("liar", "parent"));
  expect_refused(*repeating, "out of place");
}

TEST_F(BadInputTest, another_version_of_the_protocol) {
  HandMadeChild child(port(), liar());
  link::Frame hello = hello_frame("liar", "parent");
  hello.mutable_hello()->set_protocol_version(77);
  child.send(hello);
  expect_refused(child, "protocol version 77 is not spoken here, only 2");
}

TEST_F(BadInputTest, another_parents_child) {
  HandMadeChild child(port(), liar());
  child.send(hello_frame("liar", "somebody-else"));
  expect_refused(child, "this is parent, not somebody-else");
}

TEST_F(BadInputTest, batches_that_do_not_follow) {
  const auto after = [](Position from) { return transaction_after(from, claims(), put({"1", "x"})); };
  expect_batch_refused([&](Position from) { return after(after(from).to); }, "does not follow");
  expect_batch_refused(
      [&](Position from) {
        from.chain += 1;
        return after(from);
      },
      "does not follow");
  expect_batch_refused([&](const Position&) { return after(stream_beginning({}).to); }, "does not follow");
}

TEST_F(BadInputTest, batches_whose_content_is_damaged) {
  const auto right = [](const Position& from) { return transaction_after(from, claims(), put({"1", "x"})); };
  expect_batch_refused(
      [&](const Position& from) {
        Batch batch = right(from);
        batch.payload[batch.payload.size() / 2] = static_cast<char>(batch.payload[batch.payload.size() / 2] ^ 0x40);
        return batch;
      },
      "compress");
  expect_batch_refused(
      [&](const Position& from) {
        Batch batch = right(from);
        batch.raw_bytes += 1;
        return batch;
      },
      "compress");
  expect_batch_refused(
      [&](const Position& from) {
        Batch batch = right(from);
        batch.raw_bytes = kRawBytesMax + 1;
        return batch;
      },
      "are allowed");
  expect_batch_refused([&](const Position& from) { return transaction_after(from, claims(), "?what is this"); },
                       "unknown record");
  expect_batch_refused([&](const Position& from) { return transaction_after(from, claims(), put({"1"})); },
                       "number of columns");
  expect_batch_refused(
      [&](const Position& from) {
        return transaction_after(from, claims(), put({"1", "x"}, 7));
      },
      "does not list");
  expect_batch_refused(
      [&](const Position& from) {
        Batch batch = right(from);
        batch.to.chain += 1;
        return batch;
      },
      "does not reach the position");
}

TEST_F(BadInputTest, shapes_that_are_not_what_they_say) {
  Position applied;
  const auto renaming = streaming(applied);
  link::Frame frame = relation_frame(claims());
  frame.mutable_relation()->set_name("report");
  renaming->send(frame);
  expect_refused(*renaming, "wrong shape id");

  log_begin_ = parent().agent().log().size();
  const auto silent = streaming(applied);
  Relation unknown = claims();
  unknown.columns[1].name = "not_announced";
  silent->send(batch_frame(transaction_after(applied, unknown, put({"1", "x"}))));
  expect_refused(*silent, "was not announced");
}

TEST_F(BadInputTest, a_table_of_the_system_is_never_written) {
  Position applied;
  const auto child = streaming(applied);
  send_what_is_held(*child, applied);
  expect_others_are_served();
}

// What the parent would keep of them is in no payload.
TEST_F(BadInputTest, many_tiny_batches_that_list_many_tables) {
  expect_more_than_a_window(40, [](const Position& applied) {
    Batch batch = transaction_after(applied, claims(), put({"1", "x"}));
    batch.relations.resize(0x10000, claims().shape_id());
    return batch;
  });
}

TEST_F(BadInputTest, many_streams_that_begin_behind_each_other) {
  expect_more_than_a_window(40'000, stream_beginning);
}

TEST_F(BadInputTest, many_large_shapes) {
  Position applied;
  const auto child = streaming(applied);
  Relation wide{"public", "claim", {}};
  for (int i = 0; i < 1600; ++i) wide.columns.push_back({std::string(200, 'c'), 25, "", -1, i == 0});
  for (int i = 0; i < 100; ++i) {
    wide.columns.back().name = "c" + std::to_string(i);
    child->send(relation_frame(wide));
  }
  expect_refused(*child, "more and larger shapes of tables");
}

}  // namespace
}  // namespace tributary::test
