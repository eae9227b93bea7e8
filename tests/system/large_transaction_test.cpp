// A transaction far larger than what an agent holds in memory, with kills in its middle.
#include <sstream>

#include "system/load.h"

namespace tributary::test {
namespace {

constexpr int64_t kMegabytes = 96;

class LargeTransactionTest : public LoadTest {
 protected:
  void write_large_transaction() {
    // Slices of one long noise: quickly made, and PostgreSQL cannot compress them.
    district().sql().exec(
        "INSERT INTO document (title, body, status) "
        "SELECT 'large ' || n, substr(base, 1 + n * 37 % 900000, 96 * 1024), 'approved' "
        "FROM (SELECT noise(1000000) AS base) b, generate_series(1, $1::int) n",
        {std::to_string(kMegabytes * 1024 / 96)});
  }
  static int64_t peak_megabytes(Node& node) {
    std::istringstream status(read_file("/proc/" + std::to_string(node.agent().pid()) + "/status"));
    for (std::string word; status >> word;)
      if (int64_t kilobytes = 0; word == "VmHWM:" && status >> kilobytes) return kilobytes / 1024;
    throw std::runtime_error("no VmHWM");
  }
};

TEST_F(LargeTransactionTest, arrives_within_bounded_memory) {
  district().sql().exec("INSERT INTO document (title, status) VALUES ('small', 'approved')");
  expect_equal();
  std::map<Node*, int64_t> before;
  for (const auto& node : tree.nodes()) before[node.get()] = peak_megabytes(*node);
  write_large_transaction();
  expect_equal();
  for (const auto& node : tree.nodes()) {
    const int64_t more = peak_megabytes(*node) - before[node.get()];
    RecordProperty(node->name() + " megabytes more", std::to_string(more));
    EXPECT_LT(more, kMegabytes * 3 / 4) << node->name();
  }

  district().sql().exec("UPDATE document SET title = title || '.'");
  district().sql().exec("UPDATE document SET status = 'draft' WHERE id % 2 = 0");
  district().sql().exec("UPDATE document SET id = nextval('document_id_seq') WHERE title = 'large 6.'");
  expect_equal();
}

TEST_F(LargeTransactionTest, killed_in_its_middle_on_every_tier) {
  district().agent().stop();
  district().agent().start_with_failpoint("after_queue_commit", 3);
  region().agent().stop();
  region().agent().start_with_failpoint("in_apply_group", 5);
  nation().agent().stop();
  nation().agent().start_with_failpoint("in_apply_group", 7);
  district().link().cut_after_bytes(1'000'000);
  write_large_transaction();
  for (Node* node : {&district(), &region(), &nation()}) {
    EXPECT_EQ(node->agent().wait_until_ended(std::chrono::seconds(60)), -SIGKILL) << node->name();
    if (node == &district()) {
      district().agent().start();
      wait_until(
          "the link is cut", [&] { return district().link().is_cut(); }, std::chrono::seconds(60));
      EXPECT_EQ(nation().sql().number("SELECT count(*) FROM document"), 0);
      district().link().restore();
      continue;
    }
    EXPECT_EQ(node->sql().number("SELECT count(*) FROM document"), 0) << "all of it or nothing";
    node->agent().start();
  }
  district().sql().exec("INSERT INTO entry VALUES (1)");
  expect_equal();
  expect_applied_exactly_once();
}

}  // namespace
}  // namespace tributary::test
