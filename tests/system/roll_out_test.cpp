// A schema changes over three tiers, in the right order and in the wrong one, also while a child is away: what must
// wait says why, with the ALTER that mends it; what need not wait flows; it goes on by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;

class RollOutTest : public testing::Test {
 protected:
  RollOutTest() {
    const std::vector<SentTable> tables = {{.name = "public.document", .where = "status = 'approved'"},
                                           {.name = "public.entry"}};
    nation_ = &tree.add({.name = "nation"});
    region_ = &tree.add({.name = "region", .parent = "nation", .tables = tables});
    district_ = &tree.add({.name = "district", .parent = "region", .tables = tables});
    tree.exec_everywhere(
        "CREATE TABLE document (id int PRIMARY KEY, body text, pages int, status varchar(20) NOT NULL);"
        "CREATE TABLE entry (id int PRIMARY KEY)");
    tree.start();
    write();
    tree.expect_equal();
  }
  Node& nation() { return *nation_; }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  void write(const std::string& body = "'text'") {
    for (int i = 0; i < 4; ++i) {
      const std::string id = std::to_string(++number_);
      district().sql().exec("INSERT INTO document (id, body, status) VALUES (" + id + ", " + body + ", '" +
                            (i % 2 ? "draft" : "approved") + "'); INSERT INTO entry VALUES (" + id + ")");
    }
    district().sql().exec("UPDATE document SET body = body || '!' WHERE id % 3 = 0");
  }
  static status::Notice notice_of(Node& node, const std::string& subject) {
    const status::NodeStatus status = node.agent().status();
    for (const status::Notice& notice : status.notices())
      if (notice.subject() == subject) return notice;
    return {};
  }
  // What `child` sends of documents waits at `parent`, for the reason that `words` begin; its entries arrive.
  std::string hint_at(Node& parent, const std::string& child, const std::string& words) {
    const std::string subject = "child " + child + ", table public.document";
    status::Notice notice;
    try {
      wait_until(parent.name() + " says why it waits", [&] {
        notice = notice_of(parent, subject);
        return notice.message().find(words) != std::string::npos;
      });
      write();
      wait_until("entries flow",
                 [&] { return parent.sql().number("SELECT coalesce(max(id), 0) FROM entry") == number_; });
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << ": " << notice.message() << tree.logs();
    }
    return notice.hint();
  }
  void grant_new_columns() {
    district().init();
    region().init();
  }
  void expect_equal_and_quiet() {
    write();
    tree.expect_equal();
    for (Node* node : {&nation(), &region()})
      wait_until(node->name() + " has nothing to say", [&] {
        const status::NodeStatus status = node->agent().status();
        return std::none_of(status.notices().begin(), status.notices().end(), [](const status::Notice& notice) {
          return notice.subject().find("table public.document") != std::string::npos;
        });
      });
  }

  Hierarchy tree;

 private:
  Node *nation_, *region_, *district_;
  int number_ = 0;
};

TEST_F(RollOutTest, a_column_added_from_the_top) {
  for (Node* node : {&nation(), &region(), &district()}) {
    node->sql().exec("ALTER TABLE document ADD COLUMN grade int");
    write();
  }
  grant_new_columns();
  district().sql().exec("UPDATE document SET grade = 5");
  expect_equal_and_quiet();
  EXPECT_GT(nation().sql().number("SELECT count(*) FROM document WHERE grade = 5"), 0);
}

TEST_F(RollOutTest, a_column_added_from_below) {
  district().sql().exec("ALTER TABLE document ADD COLUMN grade int DEFAULT 7");
  district().init();
  write();
  const std::string at_region = hint_at(region(), "district", "column \"grade\"");
  EXPECT_THAT(at_region, HasSubstr("ALTER TABLE \"public\".\"document\" ADD COLUMN \"grade\" integer"));
  region().sql().exec(at_region);
  region().init();
  const std::string at_nation = hint_at(nation(), "region", "column \"grade\"");
  EXPECT_THAT(at_nation, HasSubstr("ALTER TABLE \"public\".\"document\" ADD COLUMN \"grade\" integer"));
  nation().sql().exec(at_nation);
  expect_equal_and_quiet();
  EXPECT_GT(nation().sql().number("SELECT count(*) FROM document WHERE grade = 7"), 0);
}

TEST_F(RollOutTest, a_column_dropped_from_below) {
  for (Node* node : {&district(), &region(), &nation()}) {
    node->sql().exec("ALTER TABLE document DROP COLUMN pages");
    write();
  }
  expect_equal_and_quiet();
}

TEST_F(RollOutTest, a_column_dropped_from_the_top) {
  nation().sql().exec("ALTER TABLE document DROP COLUMN pages");
  write();
  EXPECT_THAT(hint_at(nation(), "region", "column \"pages\""), HasSubstr("ADD COLUMN \"pages\" integer"));
  region().sql().exec("ALTER TABLE document DROP COLUMN pages");
  write();
  EXPECT_THAT(hint_at(region(), "district", "column \"pages\""), HasSubstr("ADD COLUMN \"pages\" integer"));
  district().sql().exec("ALTER TABLE document DROP COLUMN pages");
  expect_equal_and_quiet();
}

TEST_F(RollOutTest, a_column_renamed_from_below) {
  district().sql().exec("ALTER TABLE document RENAME COLUMN pages TO sheets");
  district().sql().exec("UPDATE document SET sheets = 3");
  EXPECT_THAT(hint_at(region(), "district", "column \"sheets\""), HasSubstr("ADD COLUMN \"sheets\" integer"));
  region().sql().exec("ALTER TABLE document RENAME COLUMN pages TO sheets");
  EXPECT_THAT(hint_at(nation(), "region", "column \"sheets\""), HasSubstr("ADD COLUMN \"sheets\" integer"));
  nation().sql().exec("ALTER TABLE document RENAME COLUMN pages TO sheets");
  expect_equal_and_quiet();
}

TEST_F(RollOutTest, a_type_widened_from_below) {
  district().sql().exec("ALTER TABLE document ALTER COLUMN pages TYPE bigint");
  district().sql().exec("UPDATE document SET pages = 5000000000");
  const std::string at_region = hint_at(region(), "district", "column \"pages\"");
  EXPECT_THAT(at_region, HasSubstr("ALTER COLUMN \"pages\" TYPE bigint"));
  region().sql().exec(at_region);
  const std::string at_nation = hint_at(nation(), "region", "column \"pages\"");
  nation().sql().exec(at_nation);
  expect_equal_and_quiet();
}

// Everything was altered from the top, and below, before the child's link comes back: old rows have the old shape.
TEST_F(RollOutTest, everything_while_a_child_is_away) {
  district().link().cut();
  write("'before'");
  for (Node* node : {&nation(), &region(), &district()}) {
    node->sql().exec("ALTER TABLE document ADD COLUMN grade int DEFAULT 7, DROP COLUMN pages");
    write("'between'");
  }
  district().sql().exec("ALTER TABLE document ALTER COLUMN body TYPE varchar(900)");
  write("'after'");
  region().sql().exec("ALTER TABLE document ALTER COLUMN body TYPE varchar(900)");
  nation().sql().exec("ALTER TABLE document ALTER COLUMN body TYPE varchar(900)");
  grant_new_columns();
  district().link().restore();
  expect_equal_and_quiet();
}

}  // namespace
}  // namespace tributary::test
