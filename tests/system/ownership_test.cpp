// A child writes only what it owns at its parent, whatever it sends. "north" and "south" each own their region's rows.
#include <gmock/gmock.h>

#include <functional>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class OwnershipTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    tree_->add({.name = "parent", .intake_tables = R"(["public.*", "archive.y20??"])"});
    for (const std::string name : {"north", "south"}) {
      const std::string by_table = R"(owns_by_table = { "public.photo" = "taken_in = ')" + name + R"('" })";
      tree_->add({.name = name,
                  .parent = "parent",
                  .tables = {{.name = "public.report", .owned = "region = '" + name + "'"},
                             {.name = "public.photo", .owned = "taken_in = '" + name + "'"},
                             {.name = "public.note", .owned = "author = '" + name + "'"},
                             {.name = "archive.y2024", .owned = "region = '" + name + "'"}},
                  .owns = "owns = \"region = '" + name + "'\"\n" + by_table});
    }
    tree_->exec_everywhere(R"(
      CREATE SCHEMA archive;
      CREATE TABLE report (id int PRIMARY KEY, region text, body text);
      CREATE TABLE photo (id int PRIMARY KEY, taken_in text, region text);
      CREATE TABLE note (id int PRIMARY KEY, author text);
      CREATE TABLE archive.y2024 (id int PRIMARY KEY, region text);
      CREATE TABLE secret (id int PRIMARY KEY);
      CREATE TABLE archive.index_of_years (id int PRIMARY KEY, region text))");
    tree_->start();
    for (const std::string name : {"north", "south"}) {
      const std::string first = name == "north" ? "1" : "101";
      (*tree_)[name].sql().exec("INSERT INTO report SELECT n, '" + name + "', 'original' FROM generate_series(" +
                                first + ", " + first + " + 9) n");
    }
    tree_->expect_equal();
  }
  static void TearDownTestSuite() { tree_.reset(); }

  Node& parent() { return (*tree_)["parent"]; }
  Node& north() { return (*tree_)["north"]; }
  Node& south() { return (*tree_)["south"]; }
  // Everything at the parent but the rows that the stories add beside the refused transaction.
  std::string others() {
    return table_text(parent().sql(), "SELECT * FROM report WHERE id < 900 ORDER BY id") +
           table_text(parent().sql(), "SELECT * FROM photo ORDER BY id") +
           table_text(parent().sql(), "SELECT * FROM archive.y2024 ORDER BY id");
  }

  status::Child at_parent(const std::string& name) {
    const status::NodeStatus status = parent().agent().status();
    for (const status::Child& child : status.children())
      if (child.node() == name) return child;
    throw std::runtime_error("the parent does not show " + name);
  }

  // A row of another region is north's too from now on, or no longer; never those that south has.
  void let_north_own(const std::string& also = "false") {
    north().edit().owns = "owns = \"region = 'north' OR " + also + "\"\n" +
                          "owns_by_table = { \"public.photo\" = \"taken_in = 'north' OR " + also + "\" }";
    parent().write_config();
    restart_parent();
  }
  void restart_parent() {
    parent().agent().stop();
    parent().agent().start();
    wait_until("the parent answers", [&] {
      try {
        return !at_parent("south").state().empty();
      } catch (const std::runtime_error&) {
        return false;
      }
    });
  }

  // North does what it may, then `transaction`, which it may not, then again what it may. Both sides must name `named`,
  // nothing of the transaction may be seen, and south must not be harmed. `correct` is what a person does about it.
  void expect_refused(const std::string& transaction, const std::string& named, const std::function<void()>& correct) {
    static int story = 900;
    const std::string id = std::to_string(++story), later = std::to_string(++story);
    const auto behind = [&] { return parent().sql().number("SELECT count(*) FROM report WHERE id = " + later); };
    const std::string before = others();
    north().sql().exec("INSERT INTO report VALUES (" + id + ", 'north', 'before')");
    north().sql().exec(transaction);
    north().sql().exec("INSERT INTO report VALUES (" + later + ", 'north', 'behind')");
    wait_until("north is held", [&] { return at_parent("north").state() == "held"; });
    wait_until("north knows it", [&] { return north().agent().status().uplink().state() == "held"; });
    EXPECT_THAT(at_parent("north").message(), HasSubstr(named));
    EXPECT_THAT(north().agent().status().uplink().message(), HasSubstr(named));
    wait_until("south is well", [&] { return at_parent("south").health() == status::OK; });

    south().sql().exec("INSERT INTO report VALUES (" + id + " + 1000, 'south', 'meanwhile')");
    wait_until("south is served",
               [&] { return parent().sql().number("SELECT count(*) FROM report WHERE id = " + id + " + 1000") == 1; });
    EXPECT_EQ(parent().sql().value("SELECT body FROM report WHERE id = " + id), "before");
    EXPECT_EQ(behind(), 0);
    EXPECT_EQ(others(), before) << "something of the refused transaction was written";

    correct();
    wait_until("north goes on", [&] { return behind() == 1; });
  }

  static status::Notice notice_of(Node& node, const std::string& subject) {
    const status::NodeStatus status = node.agent().status();
    for (const status::Notice& notice : status.notices())
      if (notice.subject() == subject) return notice;
    return {};
  }

  static std::unique_ptr<Hierarchy> tree_;
};

std::unique_ptr<Hierarchy> OwnershipTest::tree_;

constexpr char kReport[] = "table public.report";

TEST_F(OwnershipTest, a_row_of_another_child_is_refused_with_its_whole_transaction) {
  expect_refused(
      "BEGIN; UPDATE report SET body = 'forged' WHERE id = 1; INSERT INTO report VALUES (500, 'south', 'x'); COMMIT",
      kReport, [&] { let_north_own("id = 500"); });
  north().sql().exec("DELETE FROM report WHERE id = 500");
  tree_->expect_equal();
  let_north_own();
}

TEST_F(OwnershipTest, a_row_of_nobody_is_refused) {
  expect_refused("INSERT INTO report VALUES (501, NULL, 'x')", kReport, [&] { let_north_own("region IS NULL"); });
  north().sql().exec("DELETE FROM report WHERE id = 501");
  wait_until("the row is gone",
             [&] { return parent().sql().number("SELECT count(*) FROM report WHERE id = 501") == 0; });
  let_north_own();
}

TEST_F(OwnershipTest, overwriting_a_row_of_another_child_is_refused) {
  expect_refused("INSERT INTO report VALUES (105, 'north', 'mine now')", kReport,
                 [&] { parent().sql().exec("UPDATE report SET region = 'north' WHERE id = 105"); });
  north().sql().exec("DELETE FROM report WHERE id = 105");
  south().sql().exec("UPDATE report SET body = 'still here' WHERE id = 105");
  tree_->expect_equal();
}

TEST_F(OwnershipTest, deleting_a_row_of_another_child_is_left_out_and_counted) {
  tree_->expect_equal();
  parent().sql().exec("UPDATE report SET region = 'south' WHERE id = 5");
  const uint64_t before = at_parent("north").deletes_not_owned();
  north().sql().exec("BEGIN; INSERT INTO report VALUES (502, 'north', 'x'); DELETE FROM report WHERE id = 5; COMMIT");
  wait_until("the transaction is applied",
             [&] { return parent().sql().number("SELECT count(*) FROM report WHERE id = 502") == 1; });
  EXPECT_EQ(parent().sql().value("SELECT region FROM report WHERE id = 5"), "south");
  wait_until("it is counted", [&] { return at_parent("north").deletes_not_owned() == before + 1; });
  EXPECT_EQ(at_parent("north").health(), status::OK);
  EXPECT_THAT(parent().agent().log(), HasSubstr("north deleted 1 rows of table public.report"));
  EXPECT_THAT(parent().agent().command({"status"}).output, HasSubstr("deletions left out"));
  parent().sql().exec("DELETE FROM report WHERE id = 5");
  restart_parent();
  wait_until("it is remembered", [&] { return at_parent("north").deletes_not_owned() == before + 1; });
  tree_->expect_equal();
}

TEST_F(OwnershipTest, rows_that_become_a_childs_and_that_it_does_not_have_go) {
  tree_->expect_equal();
  parent().sql().exec("INSERT INTO report VALUES (700, 'east', 'left'), (701, 'west', 'stays')");
  let_north_own("region = 'east'");
  wait_until("what became north's is compared",
             [&] { return parent().sql().number("SELECT count(*) FROM report WHERE id = 700") == 0; });
  EXPECT_EQ(parent().sql().number("SELECT count(*) FROM report WHERE id = 701"), 1);
  parent().sql().exec("DELETE FROM report WHERE id = 701");
  let_north_own();
  tree_->expect_equal();
}

TEST_F(OwnershipTest, moving_a_row_out_of_its_ownership_is_refused) {
  expect_refused("UPDATE report SET region = 'south' WHERE id = 6", kReport, [&] { let_north_own("id = 6"); });
  north().sql().exec("UPDATE report SET region = 'north' WHERE id = 6");
  tree_->expect_equal();
  let_north_own();
}

TEST_F(OwnershipTest, emptying_a_table_leaves_the_rows_of_others) {
  north().sql().exec("INSERT INTO archive.y2024 VALUES (1, 'north')");
  south().sql().exec("INSERT INTO archive.y2024 VALUES (2, 'south')");
  tree_->expect_equal();
  north().sql().exec("TRUNCATE archive.y2024");
  tree_->expect_equal();
  EXPECT_EQ(parent().sql().value("SELECT region FROM archive.y2024"), "south");
}

TEST_F(OwnershipTest, a_condition_for_one_table_replaces_the_general_one) {
  // Its `region` is another's, which does not matter in this table.
  north().sql().exec("INSERT INTO photo VALUES (1, 'north', 'south')");
  tree_->expect_equal();
  expect_refused("INSERT INTO photo VALUES (2, 'south', 'north')", "table public.photo",
                 [&] { let_north_own("id = 2"); });
  north().sql().exec("DELETE FROM photo WHERE id = 2");
  tree_->expect_equal();
  let_north_own();
}

TEST_F(OwnershipTest, a_table_without_the_columns_has_no_owner) {
  north().sql().exec("INSERT INTO note VALUES (1, 'north')");
  south().sql().exec("INSERT INTO note VALUES (2, 'south')");
  tree_->expect_equal();
}

TEST_F(OwnershipTest, a_table_outside_the_list_is_refused_when_the_child_greets) {
  north().agent().stop();
  north().edit().tables.push_back({.name = "archive.index_of_years", .owned = "region = 'north'"});
  north().write_config();
  north().init();
  north().agent().start();
  wait_until("north is refused", [&] {
    try {
      return north().agent().status().uplink().state() == "refused";
    } catch (const std::runtime_error&) {
      return false;  // it has only begun
    }
  });
  const status::NodeStatus child = north().agent().status();
  EXPECT_THAT(child.uplink().message(), HasSubstr("archive.index_of_years"));
  EXPECT_THAT(child.uplink().message(), Not(HasSubstr("y2024"))) << "only what is refused is named";
  EXPECT_EQ(child.uplink().health(), status::HELD);
  EXPECT_THAT(notice_of(north(), "uplink").hint(), HasSubstr("[intake] tables"));
  EXPECT_THAT(notice_of(parent(), "child north").message(), HasSubstr("archive.index_of_years"));
  EXPECT_THAT(notice_of(parent(), "child north").hint(), HasSubstr("[intake] tables"));

  south().sql().exec("INSERT INTO note VALUES (3, 'south')");
  wait_until("south is served", [&] { return parent().sql().number("SELECT count(*) FROM note WHERE id = 3") == 1; });
  parent().edit().intake_tables = R"(["public.*", "archive.*"])";
  parent().write_config();
  parent().init();
  restart_parent();
  north().sql().exec("INSERT INTO archive.index_of_years VALUES (1, 'north')");
  tree_->expect_equal();
  EXPECT_EQ(notice_of(parent(), "child north").message(), "");
}

}  // namespace
}  // namespace tributary::test
