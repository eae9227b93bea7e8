// The replication set changes while rows are written: tables and columns come and go, filters change, and what the log
// says nothing of is found and mended.
#include "system/load.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;

class ReplicationSetTest : public testing::Test {
 protected:
  ReplicationSetTest() {
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district", .parent = "region", .tables = {entries(), documents()}});
    tree.exec_everywhere(kLedger);
    tree.exec_everywhere(R"(
      CREATE TABLE document (id bigserial PRIMARY KEY, title text NOT NULL, body text, status text NOT NULL);
      CREATE TABLE note (id int PRIMARY KEY, body text);
      CREATE TABLE measure (id int PRIMARY KEY, value int) PARTITION BY RANGE (id);
      CREATE TABLE measure_low PARTITION OF measure FOR VALUES FROM (0) TO (500);
      CREATE TABLE measure_high PARTITION OF measure FOR VALUES FROM (500) TO (1000);
    )");
    district_->sql().exec(
        "INSERT INTO document (title, body, status) SELECT 'old', noise(3000), (ARRAY['approved', 'draft', 'archived'])"
        "[1 + n % 3] FROM generate_series(1, 900) n; INSERT INTO note SELECT n, 'note ' || n FROM generate_series(1, "
        "700) n");
  }
  static SentTable entries() { return {.name = "public.entry"}; }
  static SentTable documents(const std::string& where = "status = 'approved'") {
    return {.name = "public.document", .where = where};
  }
  void start() {
    tree.start();
    load_ = std::make_unique<Load>(district().cluster(), "app", 5);
  }
  // While no agent runs.
  void change_to_unseen(std::vector<SentTable> tables) {
    district().edit().tables = std::move(tables);
    district().write_config();
    district().init();
  }
  void change_to(std::vector<SentTable> tables) {
    if (district().agent().is_running()) district().agent().stop();
    change_to_unseen(std::move(tables));
    district().agent().start();
  }
  void expect_equal() {
    district().wait_until_copied();
    if (load_) load_->stop();
    tree.expect_equal();
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
  std::unique_ptr<Load> load_;
};

TEST_F(ReplicationSetTest, a_table_is_added) {
  start();
  change_to({entries(), documents(), {.name = "public.note"}});
  expect_equal();
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM note"), 700);
}

TEST_F(ReplicationSetTest, a_table_that_was_out_for_a_while_misses_nothing) {
  start();
  change_to({entries(), documents(), {.name = "public.note"}});
  district().wait_until_copied();
  district().agent().stop();
  change_to_unseen({entries(), documents()});
  district().sql().exec("UPDATE note SET body = 'changed' WHERE id < 9; DELETE FROM note WHERE id > 690");
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM note"), 700) << "its rows stay";
  change_to({entries(), documents(), {.name = "public.note"}});
  expect_equal();
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM note"), 690);
}

TEST_F(ReplicationSetTest, a_changed_filter_brings_rows_and_takes_rows) {
  start();
  change_to({entries(), documents("status IN ('archived', 'approved') AND title <> 'old' OR status = 'archived'")});
  expect_equal();
  EXPECT_GT(region().sql().number("SELECT count(*) FROM document WHERE status = 'archived'"), 0);
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM document WHERE status = 'approved' AND title = 'old'"), 0);
}

TEST_F(ReplicationSetTest, a_column_that_was_left_out_comes_with_its_values) {
  district().edit().tables[1].columns = {"id", "title", "status"};
  start();
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM document WHERE body IS NOT NULL"), 0);
  change_to({entries(), documents()});
  expect_equal();
}

// Every column is sent, so one that the application adds is too; its values may not be the default of the parent's.
TEST_F(ReplicationSetTest, a_column_that_is_added_comes_with_its_values) {
  start();
  region().sql().exec("ALTER TABLE document ADD COLUMN grade int");
  district().sql().exec("ALTER TABLE document ADD COLUMN grade int DEFAULT 7");
  district().sql().exec("INSERT INTO document (title, status) VALUES ('new', 'approved')");
  district().init();  // the agent's role may read what was there when it was granted
  wait_until("old rows have it", [&] {
    return region().sql().number("SELECT count(*) FROM document WHERE title = 'old' AND grade = 7") > 200;
  });
  expect_equal();
}

TEST_F(ReplicationSetTest, what_the_log_does_not_say_of_partitions_is_found) {
  district().edit().tables.push_back({.name = "public.measure"});
  district().sql().exec("INSERT INTO measure SELECT n, n FROM generate_series(0, 999) n");
  start();
  district().sql().exec("ALTER TABLE measure DETACH PARTITION measure_low");
  const Outcome looked = district().agent().command({"verify", "public.measure"});
  EXPECT_EQ(looked.exit_code, 1);
  EXPECT_THAT(looked.output, HasSubstr("500 only at the parent"));
  EXPECT_EQ(district().agent().command({"verify", "public.measure", "--repair"}).exit_code, 0);
  expect_equal();
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM measure"), 500);
  district().sql().exec("DROP TABLE measure_high");
  EXPECT_EQ(district().agent().command({"resync", "public.measure", "--follow"}).exit_code, 0);
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM measure"), 0);
}

TEST_F(ReplicationSetTest, rows_deleted_at_the_parent_come_again_when_they_change) {
  start();
  district().wait_until_copied();
  region().sql().exec("DELETE FROM document WHERE title = 'old'");
  district().sql().exec(
      "UPDATE document SET title = 'touched' WHERE title = 'old' AND id < 60 AND status = 'approved'");
  const std::string touched =
      "SELECT count(*) FROM document WHERE title = 'touched' AND status = 'approved' AND length(body) = 3000";
  wait_until("they are whole again", [&] {
    const auto here = district().sql().number(touched);
    return here > 0 && region().sql().number(touched) == here;
  });
  EXPECT_EQ(district().agent().command({"verify", "--repair"}).exit_code, 0);
  expect_equal();
}

TEST_F(ReplicationSetTest, the_parent_asks_for_a_table) {
  start();
  district().wait_until_copied();
  region().sql().exec("DELETE FROM document WHERE title = 'old'");
  const Outcome outcome = region().agent().command({"resync", "public.document", "--child", "district"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  wait_until("they are there again",
             [&] { return region().sql().number("SELECT count(*) FROM document WHERE title = 'old'") >= 250; });
  expect_equal();
  EXPECT_THAT(region().agent().command({"resync", "public.other", "--child", "district"}).output,
              HasSubstr("has sent nothing of table public.other"));
}

}  // namespace
}  // namespace tributary::test
