// A row filter is a function of its row alone: what else could decide is refused, with the way to do without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class FiltersTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    tree_->add({.name = "region"});
    tree_->add({.name = "district", .parent = "region", .tables = {{.name = "public.note", .where = "is_public"}}});
    tree_->exec_everywhere(R"(
      CREATE TABLE note (id int PRIMARY KEY, body text, is_public boolean NOT NULL, kind varchar(20) NOT NULL,
        published_at timestamptz NOT NULL);
      CREATE TABLE release (kind text);
      CREATE FUNCTION of_today(at timestamptz) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT at > now()';
      CREATE FUNCTION is_released(kind text) RETURNS boolean VOLATILE LANGUAGE plpgsql AS
        $$ BEGIN RETURN EXISTS (SELECT FROM public.release r WHERE r.kind = is_released.kind); END $$;
      CREATE FUNCTION same(a varchar, b varchar) RETURNS boolean STABLE LANGUAGE plpgsql AS
        $$ BEGIN RETURN a = b; END $$;
      CREATE OPERATOR === (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = same);
    )");
    tree_->start();
  }
  static void TearDownTestSuite() { tree_.reset(); }

  Node& district() { return (*tree_)["district"]; }

  // `init` and `check` with another filter: both refuse, and nothing of what is prepared changes.
  void expect_refused(const std::string& where, const std::string& reason) {
    SCOPED_TRACE(where);
    const std::string state =
        "SELECT (SELECT string_agg(pg_get_expr(prqual, prrelid), ' ') FROM pg_publication_rel), row_filter"
        " FROM tributary.published";
    const auto before = district().sql().rows(state);
    district().edit().tables[0].where = where;
    district().write_config();
    const auto told = AllOf(HasSubstr("public.note"), HasSubstr(reason), HasSubstr("IMMUTABLE functions only"),
                            HasSubstr("a column of the table, set by a trigger"));
    const Outcome init = district().agent().command({"init", "--connect", district().cluster().conninfo("app")});
    EXPECT_NE(init.exit_code, 0);
    EXPECT_THAT(init.output, told);
    const Outcome check = district().agent().command({"check"});
    EXPECT_EQ(check.exit_code, 1);
    EXPECT_THAT(check.output, told);
    EXPECT_EQ(district().sql().rows(state), before);
    district().edit().tables[0].where = "is_public";
    district().write_config();
  }

  static std::unique_ptr<Hierarchy> tree_;
};

std::unique_ptr<Hierarchy> FiltersTest::tree_;

TEST_F(FiltersTest, what_changes_with_time_or_session_is_refused) {
  const std::string reason = "is not IMMUTABLE";
  expect_refused("published_at <= now()", reason);
  expect_refused("published_at <= CURRENT_TIMESTAMP", reason);
  expect_refused("published_at::date <= '2026-01-01'", reason);  // the date depends on the session's time zone
  expect_refused("random() < 0.5", reason);
  expect_refused("kind = current_setting('app.kind')", reason);
  expect_refused("public.of_today(published_at)", reason);
  expect_refused("public.is_released(kind)", reason);
  expect_refused("kind OPERATOR(public.===) 'x'::varchar", reason);
}

TEST_F(FiltersTest, what_looks_at_other_rows_is_refused) {
  const std::string reason = "is not a condition on one row";
  expect_refused("kind IN (SELECT kind FROM public.release)", reason);
  expect_refused("EXISTS (SELECT FROM public.release r WHERE r.kind = note.kind)", reason);
  expect_refused("id = max(id)", reason);
  expect_refused("row_number() OVER () < 10", reason);
}

TEST_F(FiltersTest, a_refused_filter_of_a_running_node_changes_nothing_of_it) {
  district().sql().exec(
      "INSERT INTO note VALUES (1, 'a', true, 'x', '2026-01-01'), (2, 'b', false, 'x', '2026-01-01')");
  tree_->expect_equal();
  expect_refused("public.is_released(kind)", "is not IMMUTABLE");
  district().sql().exec("UPDATE note SET is_public = true, kind = 'y'");
  tree_->expect_equal();
  EXPECT_EQ((*tree_)["region"].sql().number("SELECT count(*) FROM note"), 2);
}

// Every key that was ever written or deleted at the region, seen by triggers that fire for the agent's writes too.
TEST_F(FiltersTest, a_draft_never_touches_the_region) {
  Sql& region = (*tree_)["region"].sql();
  region.exec(R"(
    CREATE TABLE touched (id int); GRANT ALL ON touched TO PUBLIC;
    CREATE FUNCTION record_touched() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO public.touched VALUES (old.id), (new.id); RETURN NULL; END $$;
    CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON note FOR EACH ROW EXECUTE FUNCTION record_touched();
    ALTER TABLE note ENABLE ALWAYS TRIGGER record)");
  Sql& sql = district().sql();
  sql.exec("INSERT INTO note SELECT n, 'draft', false, 'x', '2026-01-01' FROM generate_series(100, 119) n");
  sql.exec("UPDATE note SET body = 'still a draft' WHERE id BETWEEN 100 AND 109");
  sql.exec("UPDATE note SET id = id + 100 WHERE id BETWEEN 105 AND 109");
  sql.exec("DELETE FROM note WHERE id BETWEEN 110 AND 114");
  sql.exec("BEGIN; UPDATE note SET is_public = true WHERE id = 115; ROLLBACK");
  sql.exec("UPDATE note SET is_public = true WHERE id = 116");
  tree_->expect_equal();
  sql.exec("UPDATE note SET is_public = false WHERE id = 116; DELETE FROM note WHERE id = 116");
  tree_->expect_equal();
  EXPECT_EQ(region.value("SELECT string_agg(DISTINCT id::text, ' ') FROM touched WHERE id >= 100"), "116");
}

}  // namespace
}  // namespace tributary::test
