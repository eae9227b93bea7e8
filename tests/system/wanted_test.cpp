// A row that the parent lacks, or has in an older version, comes again, whatever is killed or lost meanwhile: the
// parent's list of them is written with the position, and what a crash of the child's server undoes is never sent.
#include <gmock/gmock.h>

#include <csignal>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

class WantedTest : public testing::Test {
 protected:
  WantedTest() {
    region_ = &tree.add({.name = "region"});
    // Nothing but what the story does writes the log to the disk.
    district_ = &tree.add({.name = "district",
                           .parent = "region",
                           .tables = {{.name = "public.document"}},
                           .cluster = {.settings = {{"autovacuum", "off"}, {"checkpoint_timeout", "'1h'"}}}});
    tree.exec_everywhere(R"(
      CREATE TABLE document (id int PRIMARY KEY, title text NOT NULL, body text);
      CREATE TABLE seen (title text);
      CREATE FUNCTION note_title() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO public.seen VALUES (new.title); RETURN new; END $$;
      CREATE TRIGGER note_title AFTER INSERT OR UPDATE ON document FOR EACH ROW EXECUTE FUNCTION note_title();
      ALTER TABLE document ENABLE ALWAYS TRIGGER note_title;
    )");
    tree.init();
    region().sql().exec("GRANT ALL ON seen TO PUBLIC");
    // Bodies that stay outside their rows: an update of the title alone does not send them.
    district().sql().exec(
        "INSERT INTO document SELECT n, 'title ' || n, (SELECT string_agg(md5(random()::text), '') FROM "
        "generate_series(1, 300)) FROM generate_series(1, 20) n");
    for (const auto& node : tree.nodes()) node->agent().start();
    district().wait_until_streaming();
    district().wait_until_copied();
    tree.expect_equal();
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  // Document 7 is missing at the region, which knows it since its last transaction, has told nobody, and is dead.
  void lose_document_7() {
    region().agent().kill();
    region().sql().exec("DELETE FROM document WHERE id = 7");
    region().agent().start_with_failpoint("after_apply_commit");
    district().sql().exec("UPDATE document SET title = 'second' WHERE id = 7");
    EXPECT_EQ(region().agent().wait_until_ended(std::chrono::seconds(60)), -SIGKILL);
    EXPECT_EQ(stale_at_region(), 1);
  }
  int64_t stale_at_region() { return region().sql().number("SELECT count(*) FROM tributary.stale"); }
  int64_t seen_at_region(const std::string& title) {
    return region().sql().number("SELECT count(*) FROM seen WHERE title = $1", {title});
  }
  void expect_mended() {
    tree.expect_equal();
    wait_until("nothing is stale", [&] { return stale_at_region() == 0; });
  }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
};

TEST_F(WantedTest, a_parent_killed_right_after_the_position_says_it_again) {
  lose_document_7();
  region().agent().start();
  expect_mended();
  EXPECT_EQ(seen_at_region("second"), 1);
}

TEST_F(WantedTest, a_child_killed_before_it_sends_what_is_wanted_is_told_again) {
  lose_document_7();
  district().agent().stop();
  district().agent().start_with_failpoint("before_mark");
  region().agent().start();
  EXPECT_EQ(district().agent().wait_until_ended(std::chrono::seconds(60)), -SIGKILL);
  EXPECT_EQ(stale_at_region(), 1);
  district().agent().start();
  expect_mended();
}

// With synchronous_commit = off a commit is visible before it is on the disk. It was in what the child read, whose mark
// had not been made when the server crashed.
TEST_F(WantedTest, a_commit_that_a_crash_undoes_is_not_in_a_chunk) {
  district().agent().stop();
  district().agent().start_freezing_at("before_mark");
  district().wait_until_streaming();
  lose_document_7();
  const auto walwriter =
      static_cast<pid_t>(district().sql().number("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"));
  ASSERT_EQ(::kill(walwriter, SIGSTOP), 0);
  Sql application = district().cluster().connect("app");
  application.exec("SET synchronous_commit = off");
  application.exec("UPDATE document SET title = 'undone' WHERE id = 7");
  region().agent().start();
  district().agent().wait_until_frozen();
  EXPECT_EQ(application.value("SELECT title FROM document WHERE id = 7"), "undone");
  EXPECT_EQ(application.value("SELECT pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()"), "t");

  district().cluster().stop_immediate();
  district().cluster().start();
  district().agent().unfreeze();
  expect_mended();
  EXPECT_EQ(district().sql().value("SELECT title FROM document WHERE id = 7"), "second") << "the story needs the loss";
  EXPECT_EQ(seen_at_region("undone"), 0);
}

}  // namespace
}  // namespace tributary::test
