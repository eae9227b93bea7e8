// Approved rows flow from district to region to nation, and nothing else does.
#include "support/three_tiers.h"

#include <gtest/gtest.h>

namespace tributary::test {
namespace {

class ThreeTiersTest : public testing::Test {
 protected:
  ThreeTiersTest() { tiers.start(); }
  Sql& district() { return tiers.district().sql(); }
  Sql& region() { return tiers.region().sql(); }
  Sql& nation() { return tiers.nation().sql(); }

  ThreeTiers tiers;
};

TEST_F(ThreeTiersTest, carries_every_kind_of_change) {
  tiers.write_documents(200);
  tiers.write_documents(50, "draft");
  tiers.expect_equal();
  EXPECT_EQ(nation().number("SELECT count(*) FROM document"), 200);
  EXPECT_EQ(nation().number("SELECT count(*) FROM measurement"), 400);

  district().exec("UPDATE document SET title = title || ' (corrected)'");
  district().exec(
      "UPDATE document SET id = gen_random_uuid(), title = 'A' WHERE title LIKE 'Document 7 %'"
      " AND NOT EXISTS (SELECT FROM photo WHERE document_id = document.id)");
  district().exec("UPDATE measurement SET status = 'draft' WHERE value < 300");
  district().exec("DELETE FROM photo WHERE id IN (SELECT id FROM photo LIMIT 20)");
  tiers.expect_equal();

  district().exec("TRUNCATE measurement");
  tiers.expect_equal();
  EXPECT_EQ(nation().number("SELECT count(*) FROM measurement"), 0);
}

TEST_F(ThreeTiersTest, a_large_body_arrives_whole_when_only_its_status_changes) {
  district().exec("INSERT INTO document (title, body) VALUES ('large', noise(20000))");
  district().exec("UPDATE document SET status = 'approved' WHERE title = 'large'");
  tiers.expect_equal();
  EXPECT_EQ(nation().value("SELECT md5(body) FROM document WHERE title = 'large'"),
            district().value("SELECT md5(body) FROM document WHERE title = 'large'"));
  EXPECT_EQ(nation().number("SELECT length(body) FROM document WHERE title = 'large'"), 20000);

  district().exec("UPDATE document SET id = gen_random_uuid() WHERE title = 'large'");
  tiers.expect_equal();
  district().exec("UPDATE document SET title = 'large, renamed'");
  tiers.expect_equal();
  district().exec("UPDATE document SET status = 'draft'");
  tiers.expect_equal();
  EXPECT_EQ(nation().number("SELECT count(*) FROM document"), 0);
}

TEST_F(ThreeTiersTest, a_publication_of_everything_beside_it_lets_no_draft_out) {
  district().exec("CREATE PUBLICATION everything FOR ALL TABLES");
  tiers.write_documents(20, "draft");
  tiers.write_documents(20);
  tiers.expect_equal();
  EXPECT_EQ(region().number("SELECT count(*) FROM document"), 20);
}

TEST_F(ThreeTiersTest, the_backlog_of_a_cut_link_drains) {
  tiers.write_documents(20);
  tiers.expect_equal();
  tiers.district().link().cut();
  tiers.write_documents(300);
  const std::string slot = "SELECT confirmed_flush_lsn >= '" + district().value("SELECT pg_current_wal_insert_lsn()") +
                           "' FROM pg_replication_slots";
  wait_until("PostgreSQL need not keep the log", [&] { return district().value(slot) == "t"; });
  EXPECT_GT(tiers.district().agent().status().queue().batches(), 0U);
  EXPECT_EQ(region().number("SELECT count(*) FROM document"), 20);
  tiers.district().link().restore();
  tiers.expect_equal();
  wait_until("the queue is empty", [&] { return tiers.district().agent().status().queue().batches() == 0; });
}

TEST_F(ThreeTiersTest, a_link_that_is_cut_at_every_few_bytes_delivers_all_the_same) {
  LinkProxy& link = tiers.district().link();
  for (uint64_t bytes = 1; bytes < 60'000; bytes = bytes * 3 + 7) {
    link.cut_after_bytes(bytes);
    tiers.write_documents(5);
    wait_until("the link is cut", [&] { return link.is_cut(); });
    link.restore();
  }
  tiers.expect_equal();
}

TEST_F(ThreeTiersTest, stops_in_time_and_goes_on_where_it_was) {
  tiers.write_documents(50);
  for (const auto& node : tiers.nodes()) node->agent().stop();
  tiers.write_documents(50);
  district().exec("UPDATE document SET status = 'draft' WHERE title IN ('Document 3', 'Document 4')");
  for (const auto& node : tiers.nodes()) node->agent().start();
  tiers.expect_equal();
}

}  // namespace
}  // namespace tributary::test
