// Where a row is not the same at the parent, `tributary verify` says what likely made it so, and what to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class LikelyReasonsTest : public testing::Test {
 protected:
  LikelyReasonsTest() {
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district",
                           .parent = "region",
                           .tables = {{.name = "public.document", .owned = "district = 'A'"}},
                           .owns = "owns = \"district = 'A'\""});
    tree.exec_everywhere(
        "CREATE TABLE document (id int PRIMARY KEY, district text NOT NULL, title text, area numeric, body text)");
    district().sql().exec(
        "INSERT INTO document SELECT n, 'A', 'title', 1.0, repeat('long ', 500) FROM generate_series(1, 200) n");
    tree.start();
    tree.expect_equal();
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }
  Outcome verify(std::vector<std::string> words = {}) {
    words.insert(words.begin(), "verify");
    return district().agent().command(words, std::chrono::seconds(120));
  }
  status::VerifiedTable verified() { return district().agent().status().capture().tables(0).verified(); }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
};

TEST_F(LikelyReasonsTest, there_is_none_where_all_is_equal) {
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, Not(HasSubstr("likely reason")));
  EXPECT_EQ(verified().findings_size(), 0);
}

TEST_F(LikelyReasonsTest, rows_that_were_edited_deleted_and_inserted_at_the_parent) {
  region().sql().exec(
      "UPDATE document SET title = 'edited-there', body = body || 'more' WHERE id IN (7, 8, 9);"
      "DELETE FROM document WHERE id IN (10, 11); INSERT INTO document VALUES (-1, 'A', 'of the region')");
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output,
              HasSubstr("likely reason, 3 rows: changed at region by something else than its agent: columns body, "
                        "title"));
  EXPECT_THAT(outcome.output, HasSubstr("likely reason, 2 rows: deleted at region by something else than its agent"));
  EXPECT_THAT(outcome.output, HasSubstr("likely reason, 1 row: inserted at region"));
  EXPECT_THAT(outcome.output, HasSubstr("what to do: "));
  EXPECT_THAT(outcome.output, Not(HasSubstr("edited-there")));
  wait_until("the region shows it too", [&] {
    const status::NodeStatus node = region().agent().status();
    return node.children(0).status().capture().tables(0).verified().findings_size() == 3;
  });

  EXPECT_EQ(verify({"--repair", "public.document"}).exit_code, 0);
  EXPECT_EQ(district().agent().command({"resync", "public.document", "--follow"}).exit_code, 0);
  tree.expect_equal();
}

TEST_F(LikelyReasonsTest, values_are_shown_only_when_they_are_asked_for) {
  region().sql().exec(
      "UPDATE document SET title = 'edited-there', body = overlay(body placing 'HERE' from 2000) WHERE id = 7;"
      "UPDATE document SET area = NULL WHERE id = 8; DELETE FROM document WHERE id = 9");
  const Outcome outcome = verify({"--show"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("title: here 'title', at the parent 'edited-there'\n"));
  EXPECT_THAT(outcome.output, HasSubstr("body: here '...")) << "shortened";
  EXPECT_THAT(outcome.output, HasSubstr("HERE"));
  EXPECT_THAT(outcome.output, HasSubstr("area: here '1.0', at the parent NULL\n"));
  EXPECT_THAT(outcome.output, HasSubstr("missing 9\n    district: here 'A'\n"));
  for (Node* node : {&district(), &region()}) {
    EXPECT_THAT(node->agent().command({"status", "--json"}).output, Not(HasSubstr("edited-there")));
    EXPECT_THAT(node->agent().log(), Not(HasSubstr("edited-there")));
  }
  EXPECT_THAT(verify().output, Not(HasSubstr("edited-there")));
}

TEST_F(LikelyReasonsTest, a_row_that_the_parent_has_but_the_child_does_not_own) {
  region().sql().exec("UPDATE document SET district = 'B', title = 'not-for-a' WHERE id = 7");
  const Outcome outcome = verify({"--show"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("1 missing at the parent"));
  EXPECT_THAT(outcome.output, HasSubstr("likely reason, 1 row: region has other rows under these keys, which this node "
                                        "does not own there"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("not-for-a"))) << "values of foreign rows stay where they are";
  EXPECT_EQ(verified().findings(0).reason(), status::Finding::NOT_OWNED);
}

TEST_F(LikelyReasonsTest, a_trigger_that_changes_what_the_agent_writes) {
  region().sql().exec(R"(
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN new.title := 'stamped'; RETURN new; END $$;
    CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON document FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TRIGGER ordinary BEFORE INSERT OR UPDATE ON document FOR EACH ROW EXECUTE FUNCTION stamp();
    ALTER TABLE document ENABLE ALWAYS TRIGGER stamp)");
  district().sql().exec("UPDATE document SET title = 'new' WHERE id < 4");
  wait_until("they are stamped",
             [&] { return region().sql().number("SELECT count(*) FROM document WHERE title = 'stamped'") == 3; });
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output,
              HasSubstr("likely reason, 3 rows: trigger stamp of the table at region fires also on what "
                        "its agent writes"));
  EXPECT_THAT(outcome.output, HasSubstr("ALTER TABLE public.document ENABLE TRIGGER \"stamp\""));

  region().sql().exec("ALTER TABLE document ENABLE TRIGGER \"stamp\"");
  EXPECT_EQ(verify({"--repair"}).exit_code, 0);
  tree.expect_equal();
}

TEST_F(LikelyReasonsTest, a_row_that_is_too_large_to_be_looked_at_is_judged_all_the_same) {
  district().sql().exec(
      "UPDATE document SET body = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 40000) n) WHERE id = 7");
  tree.expect_equal();
  region().sql().exec("UPDATE document SET title = 'edited' WHERE id IN (7, 8)");
  const Outcome outcome = verify({"--show"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("likely reason, 2 rows: changed at region by something else than its agent: "
                                        "column title"));
  EXPECT_THAT(outcome.output, HasSubstr("title: here 'title', at the parent 'edited'\n"));
}

TEST_F(LikelyReasonsTest, rows_that_are_small_only_as_they_are_stored_are_not_read_together) {
  region().sql().exec("UPDATE document SET title = 'edited', body = repeat('long ', 2400000) WHERE id < 5");
  ASSERT_LT(region().sql().number("SELECT max(pg_column_size(body)) FROM document"), 256 << 10);
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("likely reason, 4 rows: changed at region by something else than its agent"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("title")));
}

TEST_F(LikelyReasonsTest, the_same_value_that_is_written_otherwise) {
  region().sql().exec("UPDATE document SET area = 1.00 WHERE id = 7");
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("likely reason, 1 row: the same value as other text"));
  EXPECT_THAT(outcome.output, HasSubstr("column area"));
  EXPECT_EQ(verified().findings(0).reason(), status::Finding::WRITTEN_OTHERWISE);
}

}  // namespace
}  // namespace tributary::test
