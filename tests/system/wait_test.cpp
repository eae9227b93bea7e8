// `tributary wait` returns when what was committed before is applied above, not sooner and not much later.
#include <gmock/gmock.h>

#include "support/three_tiers.h"

namespace tributary::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class WaitTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tiers_ = std::make_unique<ThreeTiers>();
    tiers_->start();
    tiers_->expect_equal();
  }
  static void TearDownTestSuite() { tiers_.reset(); }
  ~WaitTest() override {
    for (Node* node : {&district(), &region()}) {
      node->link().restore();
      node->link().set_delay(milliseconds(0));
    }
  }

  static Node& district() { return tiers_->district(); }
  static Node& region() { return tiers_->region(); }
  static Node& nation() { return tiers_->nation(); }
  static std::string logs() { return tiers_->logs(); }

  static Outcome wait(Node& node, std::vector<std::string> words = {}) {
    words.insert(words.begin(), "wait");
    return node.agent().command(words, seconds(120));
  }
  static void write(const std::string& title) {
    district().sql().exec("INSERT INTO document (title, status) VALUES ($1, 'approved')", {title});
  }
  static int64_t count_at(Node& node, const std::string& title) {
    return node.sql().number("SELECT count(*) FROM document WHERE title = $1", {title});
  }
  static status::Uplink uplink(Node& node) { return node.agent().status().uplink(); }

  static std::unique_ptr<ThreeTiers> tiers_;
};

std::unique_ptr<ThreeTiers> WaitTest::tiers_;

// Whether the application waits for the disk or not, and however little there is to do.
TEST_F(WaitTest, what_was_committed_is_at_the_parent_and_an_idle_node_is_not_waited_for) {
  for (int round = 0; round < 10; ++round) {
    const std::string title = "round " + std::to_string(round);
    district().sql().exec(std::string("SET synchronous_commit = ") + (round % 2 == 0 ? "off" : "on"));
    write(title);
    const auto began = std::chrono::steady_clock::now();
    const Outcome outcome = wait(district());
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output << logs();
    EXPECT_EQ(count_at(region(), title), 1);
    EXPECT_LT(took, seconds(5)) << "an idle node confirms its place in the log every ten seconds only";
  }
  district().sql().exec("SET synchronous_commit = on");
  EXPECT_EQ(wait(district()).exit_code, 0) << "with nothing to do";
}

TEST_F(WaitTest, of_what_is_not_at_the_parent_it_is_said_where_it_stands) {
  district().link().cut();
  write("behind a cut link");
  wait_until("the link is seen to be down", [] { return uplink(district()).connected_since() == 0; });
  const Outcome outcome = wait(district(), {"--timeout", "300ms"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("not all that was committed here before is at region"));
  EXPECT_THAT(outcome.output, HasSubstr("the link to region is down since"));
  EXPECT_EQ(count_at(region(), "behind a cut link"), 0);
  district().link().restore();
  EXPECT_EQ(wait(district()).exit_code, 0);
  EXPECT_EQ(count_at(region(), "behind a cut link"), 1);
}

TEST_F(WaitTest, the_top_is_reached_through_every_tier_over_a_slow_link) {
  region().link().set_delay(milliseconds(400));
  for (int round = 0; round < 5; ++round) {
    const std::string title = "to the top " + std::to_string(round);
    write(title);
    const Outcome outcome = wait(district(), {"--top"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output << logs();
    EXPECT_EQ(count_at(nation(), title), 1);
  }
}

TEST_F(WaitTest, the_parent_is_waited_for_without_the_tiers_above_it) {
  region().link().hold();
  write("held below the nation");
  EXPECT_EQ(wait(district()).exit_code, 0);
  const Outcome outcome = wait(district(), {"--top", "--timeout", "1s"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("is at nation"));
  EXPECT_THAT(outcome.output, HasSubstr("it is at region, and not known to be at nation"));
  EXPECT_EQ(count_at(nation(), "held below the nation"), 0);
  region().link().restore();
  EXPECT_EQ(wait(district(), {"--top"}).exit_code, 0);
  EXPECT_EQ(count_at(nation(), "held below the nation"), 1);
}

TEST_F(WaitTest, the_status_says_how_far_every_tier_is) {
  const auto behind = [](const std::string& node) {
    const status::Uplink shown = uplink(district());
    for (const status::Tier& tier : shown.tiers())
      if (tier.node() == node) return tier.applied_position().empty() ? -1 : tier.seconds_behind();
    return -1.0;
  };
  write("shown");
  ASSERT_EQ(wait(district(), {"--top"}).exit_code, 0);
  wait_until("nobody is behind", [&] { return behind("region") == 0 && behind("nation") == 0; });
  region().link().hold();
  write("not at the nation");
  wait_until("the nation is behind", [&] { return behind("nation") > 2; });
  wait_until("the region is not", [&] { return behind("region") == 0; });
  const Outcome status = district().agent().command({"status"});
  EXPECT_THAT(status.output, HasSubstr("nation"));
  EXPECT_THAT(status.output, testing::ContainsRegex("nation [0-9.]+ s behind"));
  region().link().restore();
  wait_until("nobody is behind", [&] { return behind("nation") == 0; });
}

// What is known of the tiers above is never kept over a restart: it is known again, also when nothing more is written.
TEST_F(WaitTest, after_kills_it_is_known_again) {
  write("before the kills");
  for (Node* node : {&region(), &district(), &nation()}) {
    node->agent().kill();
    node->agent().start();
  }
  district().wait_until_streaming();
  const Outcome outcome = wait(district(), {"--top", "--timeout", "60s"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output << logs();
  EXPECT_EQ(count_at(nation(), "before the kills"), 1);
}

TEST_F(WaitTest, the_top_has_nothing_to_wait_for) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{}, {"--top"}}) {
    const Outcome outcome = wait(nation(), words);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.output, HasSubstr("this node is the top"));
  }
}

TEST_F(WaitTest, where_no_agent_answers_the_exit_code_is_another) {
  district().agent().stop();
  const Outcome outcome = wait(district());
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("no agent answers"));
  district().agent().start();
  district().wait_until_streaming();
}

// Rows from before the stream are in no transaction of it.
TEST(WaitCopyTest, what_was_there_before_the_stream_counts) {
  ThreeTiers tiers;
  tiers.write_documents(3000);
  tiers.init();
  tiers.nation().agent().start();
  tiers.region().agent().start();
  tiers.district().link().set_bytes_per_second(2 << 20);
  tiers.district().agent().start();
  tiers.district().wait_until_streaming();
  const Outcome early = tiers.district().agent().command({"wait", "--timeout", "0s"});
  EXPECT_EQ(early.exit_code, 1) << early.output;
  tiers.district().link().set_bytes_per_second(0);
  const Outcome outcome = tiers.district().agent().command({"wait", "--top", "--timeout", "90s"}, seconds(120));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output << tiers.logs();
  EXPECT_EQ(tiers.nation().sql().number("SELECT count(*) FROM document"), 3000);
  EXPECT_EQ(tiers.difference(), "");
}

}  // namespace
}  // namespace tributary::test
