// Tables that are altered while they are refreshed, or while the parent cannot write them: what was written down in
// terms of the old shape is dropped, and what fits again is noticed by itself.
#include <gmock/gmock.h>

#include <csignal>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;

class AlteredTablesTest : public testing::Test {
 protected:
  AlteredTablesTest() {
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district", .parent = "region", .tables = {{.name = "public.document"}}});
    tree.exec_everywhere(
        "CREATE TABLE document (id int PRIMARY KEY, code uuid NOT NULL DEFAULT gen_random_uuid(), number int "
        "NOT NULL, title text, body text)");
    district().sql().exec(
        "INSERT INTO document (id, number, title, body) SELECT n, 9000 - n, 'title ' || n, (SELECT "
        "string_agg(md5(random()::text), '') "
        "FROM generate_series(1, 200)) FROM generate_series(1, 2000) n");
    tree.init();
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  void start() {
    for (const auto& node : tree.nodes()) node->agent().start();
    district().wait_until_streaming();
    district().wait_until_copied();
    tree.expect_equal();
  }
  void change_key(const std::string& columns) {
    tree.exec_everywhere("ALTER TABLE document DROP CONSTRAINT document_pkey, ADD PRIMARY KEY (" + columns + ")");
    for (const auto& node : tree.nodes()) node->init();
  }
  // The region knows that it lacks a row, and has told nobody.
  void make_stale() {
    region().agent().kill();
    region().sql().exec("DELETE FROM document WHERE id = 7");
    region().agent().start_with_failpoint("after_apply_commit");
    district().sql().exec("UPDATE document SET title = 'touched' WHERE id = 7");
    EXPECT_EQ(region().agent().wait_until_ended(std::chrono::seconds(60)), -SIGKILL);
    ASSERT_EQ(stale_at_region(), 1);
  }
  // By what comes of itself, and by changes.
  void expect_mended() {
    wait_until(
        "the rows are there",
        [&] {
          return stale_at_region() == 0 && region().sql().number("SELECT count(*) FROM document") ==
                                               district().sql().number("SELECT count(*) FROM document");
        },
        std::chrono::seconds(60));
    district().sql().exec("UPDATE document SET title = 'later' WHERE id % 50 = 3; DELETE FROM document WHERE id = 11");
    tree.expect_equal();
    EXPECT_EQ(region().agent().status().children(0).health(), status::OK);
    district().wait_until_copied();
    EXPECT_EQ(stale_at_region(), 0);
  }
  int64_t stale_at_region() { return region().sql().number("SELECT count(*) FROM tributary.stale"); }
  std::string trouble() {
    return region().sql().value(
        "SELECT coalesce(max(reason), '') FROM tributary.walk WHERE table_name = 'public.document'");
  }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
};

TEST_F(AlteredTablesTest, a_key_of_other_columns_while_a_row_is_stale) {
  start();
  make_stale();
  change_key("id, code");
  region().agent().start();
  expect_mended();
}

TEST_F(AlteredTablesTest, a_key_of_another_type_while_a_row_is_stale) {
  start();
  make_stale();
  change_key("code");
  region().agent().start();
  expect_mended();
}

TEST_F(AlteredTablesTest, a_key_of_another_column_alike_while_a_row_is_stale) {
  start();
  make_stale();
  change_key("number");
  region().agent().start();
  expect_mended();
}

class WalkedTableTest : public AlteredTablesTest, public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Keys, WalkedTableTest, testing::Values("number", "code", "id, code"));

TEST_P(WalkedTableTest, a_key_of_other_columns) {
  region().agent().start();
  district().link().set_bytes_per_second(2 << 20);
  district().agent().start();
  wait_until("the walk is under way", [&] {
    return region().sql().number("SELECT count(*) FROM tributary.walk WHERE NOT is_complete AND walked_to <> ''") == 1;
  });
  district().agent().kill();
  ASSERT_EQ(region().sql().number("SELECT count(*) FROM tributary.walk WHERE is_complete"), 0);
  change_key(GetParam());
  district().link().set_bytes_per_second(0);
  district().agent().start();
  expect_mended();
}

// Nothing changes in it: no row of it says what it is now.
TEST_F(AlteredTablesTest, a_table_that_is_altered_back_is_written_again) {
  start();
  district().sql().exec("ALTER TABLE document ADD note text");
  district().init();
  district().sql().exec("INSERT INTO document (id, number, title, note) VALUES (5000, 0, 'wide', 'note')");
  wait_until("the table is left out", [&] { return trouble().find("\"note\"") != std::string::npos; });
  region().sql().exec("DELETE FROM document WHERE id < 20");
  district().sql().exec("ALTER TABLE document DROP note");
  wait_until("it fits again", [&] { return trouble().empty(); });
  tree.expect_equal();
}

}  // namespace
}  // namespace tributary::test
