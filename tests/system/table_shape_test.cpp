// A child whose tables are not what the parent's are is held with a reason on both sides and the statement that mends
// it; nobody else waits.
#include <gmock/gmock.h>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;

class TableShapeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    tree_->add({.name = "parent"});
    std::vector<SentTable> tables;
    for (const char* name : {"fewer", "other_type", "missing", "without_key", "stricter", "later"})
      tables.push_back({.name = std::string("public.") + name});
    tree_->add({.name = "odd", .parent = "parent", .tables = tables});
    tree_->add({.name = "other", .parent = "parent", .tables = {{.name = "public.report"}}});
    tree_->exec_everywhere("CREATE TABLE report (id int PRIMARY KEY)");
    (*tree_)["parent"].sql().exec(R"(
      CREATE TABLE fewer (id int PRIMARY KEY);
      CREATE TABLE other_type (id int PRIMARY KEY, amount int);
      CREATE TABLE without_key (id int, note text);
      CREATE TABLE stricter (id int PRIMARY KEY, note text, owner text NOT NULL);
      CREATE TABLE later (id int PRIMARY KEY))");
    (*tree_)["odd"].sql().exec(R"(
      CREATE TABLE fewer (id int PRIMARY KEY, pages numeric(6, 2));
      CREATE TABLE other_type (id int PRIMARY KEY, amount numeric);
      CREATE TABLE missing (id int PRIMARY KEY, "a note" text, made timestamptz);
      CREATE TABLE without_key (id int PRIMARY KEY, note text);
      CREATE TABLE stricter (id int PRIMARY KEY, note text);
      CREATE TABLE later (id int PRIMARY KEY))");
    tree_->start();
  }
  static void TearDownTestSuite() { tree_.reset(); }

  Node& parent() { return (*tree_)["parent"]; }
  Node& odd() { return (*tree_)["odd"]; }
  Node& other() { return (*tree_)["other"]; }

  static status::Notice notice_of(Node& node, const std::string& subject) {
    const status::NodeStatus status = node.agent().status();
    for (const status::Notice& notice : status.notices())
      if (notice.subject() == subject) return notice;
    return {};
  }

  // After `change` the child is held for `reason`; what the hint says, and nothing else, lets it go on.
  void expect_held_until_mended(const std::string& change, const std::string& reason, const std::string& mending) {
    static int number = 0;
    odd().sql().exec(change);
    wait_until("the child is held", [&] { return notice_of(parent(), "child odd").health() == status::HELD; });
    wait_until("the child knows it", [&] { return notice_of(odd(), "uplink").health() == status::HELD; });
    const status::Notice here = notice_of(parent(), "child odd"), there = notice_of(odd(), "uplink");
    EXPECT_THAT(here.message(), HasSubstr(reason));
    EXPECT_THAT(there.message(), HasSubstr(reason));
    EXPECT_EQ(here.hint(), there.hint());
    EXPECT_THAT(here.hint(), HasSubstr(mending));

    other().sql().exec("INSERT INTO report VALUES (" + std::to_string(++number) + ")");
    wait_until("the other child is served", [&] {
      return parent().sql().number("SELECT count(*) FROM report WHERE id = " + std::to_string(number)) == 1;
    });
    parent().sql().exec(here.hint());
    if (mending.starts_with("CREATE TABLE")) parent().init();  // as the hint says
    wait_until("the child goes on", [&] {
      return notice_of(parent(), "child odd").message().empty() && notice_of(odd(), "uplink").message().empty() &&
             odd().agent().status().queue().batches() == 0;
    });
  }

  static std::unique_ptr<Hierarchy> tree_;
};

std::unique_ptr<Hierarchy> TableShapeTest::tree_;

TEST_F(TableShapeTest, a_column_that_the_parent_does_not_have) {
  expect_held_until_mended("INSERT INTO fewer VALUES (1, 12.50)", "column \"pages\" of table public.fewer",
                           "ALTER TABLE \"public\".\"fewer\" ADD COLUMN \"pages\" numeric(6,2);");
  EXPECT_EQ(parent().sql().value("SELECT pages FROM fewer"), "12.50");
}

TEST_F(TableShapeTest, a_column_of_another_type) {
  expect_held_until_mended("INSERT INTO other_type VALUES (1, 0.5)", "column \"amount\" of table public.other_type",
                           "ALTER TABLE \"public\".\"other_type\" ALTER COLUMN \"amount\" TYPE numeric;");
  EXPECT_EQ(parent().sql().value("SELECT amount FROM other_type"), "0.5");
}

TEST_F(TableShapeTest, a_table_that_the_parent_does_not_have) {
  expect_held_until_mended("INSERT INTO missing VALUES (1, 'x', now())", "table public.missing does not exist",
                           "CREATE TABLE \"public\".\"missing\" (\"id\" integer, \"a note\" text, "
                           "\"made\" timestamp with time zone, PRIMARY KEY (\"id\"));");
  EXPECT_EQ(parent().sql().number("SELECT count(*) FROM missing"), 1);
}

TEST_F(TableShapeTest, a_table_without_the_childs_key) {
  expect_held_until_mended("INSERT INTO without_key VALUES (1, 'x')", "table public.without_key",
                           "CREATE UNIQUE INDEX ON \"public\".\"without_key\" (\"id\")");
  EXPECT_EQ(parent().sql().number("SELECT count(*) FROM without_key"), 1);
}

TEST_F(TableShapeTest, a_column_that_the_parent_insists_on) {
  odd().sql().exec("INSERT INTO stricter VALUES (1, 'x')");
  wait_until("the child is held", [&] { return notice_of(parent(), "child odd").health() == status::HELD; });
  EXPECT_THAT(notice_of(parent(), "child odd").message(), HasSubstr("\"owner\""));
  EXPECT_THAT(notice_of(parent(), "child odd").hint(), HasSubstr("SET DEFAULT"));
  parent().sql().exec("ALTER TABLE stricter ALTER COLUMN owner SET DEFAULT 'nobody'");
  wait_until("the child goes on", [&] { return parent().sql().number("SELECT count(*) FROM stricter") == 1; });
  odd().sql().exec("UPDATE stricter SET note = 'y'");
  wait_until("and on", [&] { return parent().sql().value("SELECT note FROM stricter") == "y"; });
  EXPECT_EQ(parent().sql().value("SELECT owner FROM stricter"), "nobody");
}

TEST_F(TableShapeTest, a_column_that_the_child_got_while_it_ran) {
  odd().sql().exec("INSERT INTO later VALUES (1)");
  wait_until("the row arrives", [&] { return parent().sql().number("SELECT count(*) FROM later") == 1; });
  expect_held_until_mended("ALTER TABLE later ADD COLUMN note text; INSERT INTO later VALUES (2, 'new')",
                           "column \"note\" of table public.later",
                           "ALTER TABLE \"public\".\"later\" ADD COLUMN \"note\" text;");
  EXPECT_EQ(parent().sql().value("SELECT note FROM later WHERE id = 2"), "new");
}

}  // namespace
}  // namespace tributary::test
