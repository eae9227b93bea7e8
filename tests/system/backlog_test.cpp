// A log that is far ahead of the slot is read in bulk: the same rows, once, whatever happens meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "support/hierarchy.h"
#include "system/load.h"

namespace tributary::test {
namespace {

class BacklogTest : public testing::Test {
 protected:
  BacklogTest() {
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district",
                           .parent = "region",
                           .tables = {{.name = "public.note", .where = "is_public"},
                                      // A publication refuses this filter: the agent has it evaluated.
                                      {.name = "public.report", .where = "status = 'approved'"},
                                      {.name = "public.entry"}}});
    tree.exec_everywhere(R"(
      CREATE TYPE status AS ENUM ('draft', 'approved');
      CREATE TABLE note (id int PRIMARY KEY, body text NOT NULL, is_public boolean NOT NULL);
      CREATE TABLE report (id int PRIMARY KEY, body text NOT NULL, status status NOT NULL);
    )");
    tree.exec_everywhere(kLedger);
    tree.start();
    district().agent().stop();
    log_before_ = district().agent().log().size();
  }

  Node& region() { return *region_; }
  Node& district() { return *district_; }

  // One transaction of about `mebibytes` of log: new rows, changed rows, rows of both sides of both filters.
  void write_transaction(int mebibytes) {
    const std::string rows = std::to_string(mebibytes * 256);
    district().sql().exec(
        "BEGIN;"
        "INSERT INTO entry SELECT coalesce(max(id), 0) + 1 FROM entry;"
        "INSERT INTO note SELECT coalesce(last, 0) + n, noise(1900), n % 3 > 0"
        "  FROM generate_series(1, " +
        rows +
        ") n, (SELECT max(id) AS last FROM note) o;"
        "INSERT INTO report SELECT coalesce(last, 0) + n, noise(1900), CASE WHEN n % 3 > 0 THEN 'approved' ELSE 'draft'"
        "  END::status FROM generate_series(1, " +
        rows +
        ") n, (SELECT max(id) AS last FROM report) o;"
        "UPDATE note SET is_public = NOT is_public WHERE id % 97 = 1;"
        "UPDATE report SET status = 'approved' WHERE id % 97 = 1;"
        "DELETE FROM report WHERE id % 89 = 1;"
        "COMMIT");
  }
  void write_backlog(int mebibytes) {
    for (int written = 0; written < mebibytes; written += 4) write_transaction(4);
  }
  void expect_applied_once() {
    tree.expect_equal();
    const int64_t entries = district().sql().number("SELECT count(*) FROM entry");
    EXPECT_EQ(region().sql().number("SELECT count(*) FROM written"), entries);
    EXPECT_EQ(region().sql().number("SELECT count(DISTINCT id) FROM written"), entries);
  }
  // Since the backlog is there.
  bool says(const std::string& words) { return district().agent().log().find(words, log_before_) != std::string::npos; }
  bool is_read_in_bulk() { return says("are read in bulk"); }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
  size_t log_before_ = 0;
};

TEST_F(BacklogTest, a_large_one_is_read_in_bulk_and_then_streamed) {
  write_backlog(24);
  write_transaction(48);
  write_backlog(24);
  district().agent().start();
  district().wait_until_streaming();
  EXPECT_TRUE(is_read_in_bulk());
  write_backlog(4);
  expect_applied_once();
}

TEST_F(BacklogTest, a_stream_that_falls_far_behind_is_left) {
  district().agent().start();
  district().wait_until_streaming();
  EXPECT_FALSE(is_read_in_bulk());
  district().agent().freeze();
  write_backlog(120);
  district().agent().unfreeze();
  wait_until("it is read in bulk", [&] { return is_read_in_bulk(); });
  EXPECT_TRUE(says("the stream is far behind"));
  write_backlog(8);
  district().wait_until_streaming();
  write_backlog(4);
  expect_applied_once();
}

TEST_F(BacklogTest, a_small_one_is_streamed) {
  write_transaction(1);
  district().agent().start();
  expect_applied_once();
  EXPECT_FALSE(is_read_in_bulk());
}

TEST_F(BacklogTest, without_a_row_of_ours_the_slot_advances_all_the_same) {
  district().sql().exec("CREATE TABLE elsewhere AS SELECT noise(1900) FROM generate_series(1, 40000)");
  district().agent().start();
  district().wait_until_streaming();
  EXPECT_TRUE(is_read_in_bulk());
  EXPECT_LT(
      district().sql().number("SELECT pg_current_wal_flush_lsn() - confirmed_flush_lsn FROM pg_replication_slots"),
      5 << 20);
  write_transaction(1);
  expect_applied_once();
}

// PostgreSQL lets restart_lsn follow by itself only every 15 s.
TEST_F(BacklogTest, the_log_is_not_kept_while_it_is_streamed_and_the_link_is_down) {
  district().agent().start();
  district().wait_until_streaming();
  region().agent().stop();
  const auto kept_since = [&](const char* place) {
    return district().sql().number("SELECT pg_current_wal_flush_lsn() - " + std::string(place) +
                                   " FROM pg_replication_slots WHERE NOT temporary");
  };
  write_backlog(160);
  wait_until("all is in the queue", [&] { return kept_since("confirmed_flush_lsn") < 1 << 20; });
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (kept_since("restart_lsn") > 24 << 20 && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(kept_since("restart_lsn"), 24 << 20);
  wait_until("only our slot is left",
             [&] { return district().sql().number("SELECT count(*) FROM pg_replication_slots") == 1; });
  region().agent().start();
  expect_applied_once();
}

TEST_F(BacklogTest, killed_at_every_commit_boundary) {
  write_backlog(160);
  for (const auto& [failpoint, hit] : {std::pair{"after_queue_commit", 1}, std::pair{"after_queue_commit", 4},
                                       std::pair{"before_slot_advance", 1}, std::pair{"before_slot_advance", 2}}) {
    SCOPED_TRACE(std::string(failpoint) + ":" + std::to_string(hit));
    district().agent().start_with_failpoint(failpoint, hit);
    EXPECT_EQ(district().agent().wait_until_ended(), -SIGKILL);
    EXPECT_FALSE(says("capture: streaming"));
  }
  district().agent().start();
  district().wait_until_streaming();
  expect_applied_once();
}

TEST_F(BacklogTest, does_not_hold_up_a_shutdown_of_the_server) {
  write_backlog(96);
  district().agent().start();
  wait_until("it is read in bulk", [&] { return is_read_in_bulk(); });
  district().cluster().stop_fast(std::chrono::seconds(5));
  EXPECT_FALSE(says("capture: streaming"));
  district().cluster().start();
  expect_applied_once();
}

}  // namespace
}  // namespace tributary::test
