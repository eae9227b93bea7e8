// Agents are killed and servers crash under load; then the tiers are equal, and nothing was applied twice.
#include "system/load.h"

namespace tributary::test {
namespace {

using std::chrono::milliseconds;

class CrashTest : public LoadTest {
 protected:
  std::mt19937 random{20240229};
  void wait_a_moment() { std::this_thread::sleep_for(milliseconds(50 + random() % 400)); }
};

TEST_F(CrashTest, agents_killed_and_servers_crashed_at_any_moment) {
  Load load(district().cluster(), "app", 1);
  std::vector<Node*> nodes = {&district(), &region(), &nation()};
  for (int round = 0; round < 4; ++round) {
    std::shuffle(nodes.begin(), nodes.end(), random);
    for (Node* node : nodes) {
      wait_a_moment();
      node->agent().kill();
      wait_a_moment();
      node->agent().start();
      if (round % 2) continue;
      wait_a_moment();
      node->cluster().stop_immediate();
      node->cluster().start();
    }
  }
  load.stop();
  EXPECT_GT(load.transactions(), 100);
  expect_equal();
  expect_applied_exactly_once();
}

TEST_F(CrashTest, killed_at_every_commit_boundary) {
  struct Place {
    const char* failpoint;
    std::vector<Node*> nodes;
  };
  Load load(district().cluster(), "app", 2);
  for (const Place& place :
       {Place{"after_queue_commit", {&district(), &region()}}, Place{"before_feedback", {&district(), &region()}},
        Place{"in_apply_group", {&region(), &nation()}}, Place{"before_apply_commit", {&region(), &nation()}},
        Place{"after_apply_commit", {&region(), &nation()}}, Place{"before_ack", {&region(), &nation()}}}) {
    for (Node* node : place.nodes) {
      SCOPED_TRACE(std::string(place.failpoint) + " at " + node->name());
      node->agent().kill();
      node->agent().start_with_failpoint(place.failpoint, 1 + static_cast<int>(random() % 3));
      EXPECT_EQ(node->agent().wait_until_ended(std::chrono::seconds(60)), -SIGKILL);
      node->agent().start();
    }
  }
  load.stop();
  expect_equal();
  expect_applied_exactly_once();
}

TEST_F(CrashTest, links_cut_at_any_byte) {
  Load load(district().cluster(), "app", 3);
  for (int cut = 0; cut < 7; ++cut) {
    const uint64_t bytes = 1 + random() % (1ULL << (6 + 2 * (cut % 6)));
    for (Node* node : {&district(), &region()}) node->link().cut_after_bytes(bytes);
    for (Node* node : {&district(), &region()}) {
      wait_until(
          "the link is cut", [&] { return node->link().is_cut(); }, std::chrono::seconds(60));
      node->link().restore();
    }
  }
  load.stop();
  expect_equal();
  expect_applied_exactly_once();
}

}  // namespace
}  // namespace tributary::test
