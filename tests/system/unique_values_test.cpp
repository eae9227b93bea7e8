// Unique values pass from row to row while the parent has older versions of some of them: nothing stands still for it,
// and where the parent's constraint is stricter than the child's, the child's stream is held and says why.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;

class UniqueValuesTest : public testing::Test {
 protected:
  UniqueValuesTest() {
    region_ = &tree.add({.name = "region", .intake_tables = "[\"*\"]\nmax_delete = 3"});
    district_ = &tree.add({.name = "district", .parent = "region", .tables = {{.name = "public.document"}}});
    tree.exec_everywhere("CREATE TABLE document (id int PRIMARY KEY, title text NOT NULL, body text, pages int)");
    region().sql().exec("CREATE UNIQUE INDEX only_title ON document (title)");
    district().sql().exec(
        "CREATE UNIQUE INDEX only_title ON document (title);"
        "INSERT INTO document SELECT n, 'title ' || n, CASE WHEN n < 10 THEN (SELECT string_agg(md5(random()::text), "
        "'') FROM generate_series(1, 300)) END FROM generate_series(1, 3000) n");
    tree.start();
    tree.expect_equal();
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  void swap_titles(int a, int b) {
    const std::string first = std::to_string(a), second = std::to_string(b);
    district().sql().exec("UPDATE document SET title = 'aside' WHERE id = " + first +
                          "; UPDATE document SET title = 'title " + first + "' WHERE id = " + second +
                          "; UPDATE document SET title = 'title " + second + "' WHERE id = " + first);
  }
  int64_t stale_at_region() { return region().sql().number("SELECT count(*) FROM tributary.stale"); }
  status::Child child() { return region().agent().status().children(0); }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
};

TEST_F(UniqueValuesTest, values_swapped_over_two_chunks_of_a_walk) {
  const std::string untouched =
      "SELECT md5(string_agg(id || ' ' || xmin, ',' ORDER BY id)) FROM document WHERE id % 10 = 5";
  const std::string before = region().sql().value(untouched);
  district().agent().stop();
  district().sql().exec("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
  swap_titles(1, 2001);
  swap_titles(700, 2700);
  district().agent().start();
  district().wait_until_streaming();
  district().wait_until_copied();
  tree.expect_equal();
  EXPECT_EQ(region().sql().value(untouched), before) << "what is equal is not written again";
  EXPECT_EQ(child().health(), status::OK);
}

TEST_F(UniqueValuesTest, an_older_version_of_a_row_that_comes_again_makes_way) {
  region().agent().kill();
  region().sql().exec("DELETE FROM document WHERE id = 7");
  region().agent().start_with_failpoint("after_apply_commit");
  district().sql().exec("UPDATE document SET pages = 1 WHERE id = 7");
  EXPECT_EQ(region().agent().wait_until_ended(std::chrono::seconds(60)), -SIGKILL);
  ASSERT_EQ(stale_at_region(), 1) << "the region knows that it lacks the row, and has told nobody";
  region().sql().exec("INSERT INTO document VALUES (7, 'title 7', 'older')");
  swap_titles(7, 2007);
  region().agent().start();
  tree.expect_equal();
  wait_until("nothing is stale", [&] { return stale_at_region() == 0; });
  EXPECT_EQ(child().health(), status::OK);
}

TEST_F(UniqueValuesTest, a_constraint_that_the_child_has_not_holds_with_a_reason) {
  region().sql().exec("DELETE FROM document WHERE id IN (7, 8)");
  district().sql().exec("DROP INDEX only_title; UPDATE document SET title = 'twice' WHERE id = 7");
  wait_until("row 7 came again", [&] {
    return region().sql().number("SELECT count(*) FROM document WHERE id = 7 AND title = 'twice'") == 1;
  });
  district().sql().exec("UPDATE document SET title = 'twice' WHERE id = 8");
  wait_until("the region holds the stream", [&] { return child().health() == status::HELD; });
  EXPECT_THAT(child().message(), HasSubstr("only_title"));
  wait_until("the district says how to mend it", [&] {
    const auto status = district().agent().status();
    return std::any_of(status.notices().begin(), status.notices().end(), [](const status::Notice& notice) {
      return notice.hint().find("stricter than the child's") != std::string::npos;
    });
  });
  region().sql().exec("DROP INDEX only_title");
  tree.expect_equal();
  EXPECT_EQ(stale_at_region(), 0);
}

}  // namespace
}  // namespace tributary::test
