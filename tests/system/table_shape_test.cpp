// A table that is not at the parent what it is at the child is left out, with a reason and the statement that mends it;
// nothing else waits, and when it is mended the table is refreshed.
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
    for (const char* name : {"fewer", "other_type", "missing", "without_key", "stricter", "later", "report"})
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

  // After `change` the table is left out for `reason`; what the hint says, and nothing else, brings its rows.
  void expect_left_out_until_mended(const std::string& table, const std::string& change, const std::string& reason,
                                    const std::string& mending, const std::function<void()>& then = {}) {
    static int number = 0;
    const std::string subject = "child odd, table public." + table;
    odd().sql().exec(change);
    wait_until("the parent says it", [&] { return !notice_of(parent(), subject).message().empty(); });
    const status::Notice notice = notice_of(parent(), subject);
    EXPECT_THAT(notice.message(), HasSubstr(reason));
    EXPECT_THAT(notice.hint(), HasSubstr(mending));

    for (Node* node : {&odd(), &other()})
      node->sql().exec("INSERT INTO report VALUES (" + std::to_string(++number) + ")");
    wait_until("everything else is served", [&] {
      return parent().sql().number("SELECT count(*) FROM report WHERE id > " + std::to_string(number - 2)) == 2;
    });
    EXPECT_TRUE(notice_of(parent(), "child odd").message().empty());
    parent().sql().exec(notice.hint());
    if (mending.starts_with("CREATE TABLE")) parent().init();  // as the hint says
    if (then) then();
    expect_refreshed(table);
  }
  void expect_refreshed(const std::string& table) {
    const std::string rows = "SELECT count(*) FROM " + table;
    wait_until("the rows of " + table + " are there", [&] {
      return notice_of(parent(), "child odd, table public." + table).message().empty() &&
             parent().sql().number(rows) == odd().sql().number(rows);
    });
  }

  static std::unique_ptr<Hierarchy> tree_;
};

std::unique_ptr<Hierarchy> TableShapeTest::tree_;

TEST_F(TableShapeTest, a_column_that_the_parent_does_not_have) {
  expect_left_out_until_mended("fewer", "INSERT INTO fewer VALUES (1, 12.50)", "column \"pages\" of table public.fewer",
                               "ALTER TABLE \"public\".\"fewer\" ADD COLUMN \"pages\" numeric(6,2);");
  EXPECT_EQ(parent().sql().value("SELECT pages FROM fewer"), "12.50");
}

TEST_F(TableShapeTest, a_column_of_another_type) {
  expect_left_out_until_mended("other_type", "INSERT INTO other_type VALUES (1, 0.5)",
                               "column \"amount\" of table public.other_type",
                               "ALTER TABLE \"public\".\"other_type\" ALTER COLUMN \"amount\" TYPE numeric;");
  EXPECT_EQ(parent().sql().value("SELECT amount FROM other_type"), "0.5");
}

TEST_F(TableShapeTest, a_table_that_the_parent_does_not_have) {
  expect_left_out_until_mended("missing", "INSERT INTO missing VALUES (1, 'x', now())",
                               "table public.missing does not exist",
                               "CREATE TABLE \"public\".\"missing\" (\"id\" integer, \"a note\" text, "
                               "\"made\" timestamp with time zone, PRIMARY KEY (\"id\"));");
  EXPECT_EQ(parent().sql().number("SELECT count(*) FROM missing"), 1);
}

TEST_F(TableShapeTest, a_table_without_the_childs_key) {
  expect_left_out_until_mended("without_key", "INSERT INTO without_key VALUES (1, 'x')", "table public.without_key",
                               "CREATE UNIQUE INDEX ON \"public\".\"without_key\" (\"id\")");
  EXPECT_EQ(parent().sql().number("SELECT count(*) FROM without_key"), 1);
}

TEST_F(TableShapeTest, a_column_that_the_parent_insists_on) {
  const std::string subject = "child odd, table public.stricter";
  odd().sql().exec("INSERT INTO stricter VALUES (1, 'x')");
  wait_until("the parent says it", [&] { return !notice_of(parent(), subject).message().empty(); });
  EXPECT_THAT(notice_of(parent(), subject).message(), HasSubstr("\"owner\""));
  EXPECT_THAT(notice_of(parent(), subject).hint(), HasSubstr("SET DEFAULT"));
  parent().sql().exec("ALTER TABLE stricter ALTER COLUMN owner SET DEFAULT 'nobody'");
  expect_refreshed("stricter");
  odd().sql().exec("UPDATE stricter SET note = 'y'");
  wait_until("and on", [&] { return parent().sql().value("SELECT note FROM stricter") == "y"; });
  EXPECT_EQ(parent().sql().value("SELECT owner FROM stricter"), "nobody");
}

TEST_F(TableShapeTest, a_column_that_the_child_got_while_it_ran) {
  odd().sql().exec("INSERT INTO later VALUES (1)");
  wait_until("the row arrives", [&] { return parent().sql().number("SELECT count(*) FROM later") == 1; });
  expect_left_out_until_mended("later", "ALTER TABLE later ADD COLUMN note text; INSERT INTO later VALUES (2, 'new')",
                               "column \"note\" of table public.later",
                               "ALTER TABLE \"public\".\"later\" ADD COLUMN \"note\" text;",
                               [&] { odd().init(); });  // its role has no right on the new column yet
  EXPECT_EQ(parent().sql().value("SELECT note FROM later WHERE id = 2"), "new");
}

}  // namespace
}  // namespace tributary::test
