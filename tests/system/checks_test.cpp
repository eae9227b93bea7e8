// What `init` and `check` read from the catalogue of a real server: which columns are a key, what a parent's tables
// lack, and whether the children's conditions work for them.
#include "source/checks.h"

#include <gmock/gmock.h>

#include "source/preparation.h"
#include "system/postgres_fixture.h"

namespace tributary {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ChecksTest : public PostgresTest {
 protected:
  ChecksTest() {
    sql_.exec("DROP SCHEMA IF EXISTS tree CASCADE; CREATE SCHEMA tree");
    config.intake.emplace();
    config.intake->tables = {"tree.*"};
    config.intake->children.emplace_back().name = "child";
  }

  static TablePlan plan(const std::string& table, const std::string& where = {}) {
    TablePlan planned;
    run([&]() -> Task<> {
      const auto connection = co_await open();
      const TableConfig table_config{"tree", table, where, {}};
      const PreparedTable prepared =
          co_await plan_source_table(*connection, table_config, nullptr, Viewer::administrator);
      planned = prepared.plan;
    }());
    return planned;
  }

  // "stops table tree.t ...", without what is well or is about the preparation.
  std::vector<std::string> findings() {
    config.database.connection = cluster_->conninfo();
    std::vector<std::string> said;
    run([&]() -> Task<> {
      const auto connection = co_await open();
      Findings found;
      co_await check_parent(*connection, config, found);
      for (const Finding& finding : found) {
        if (finding.verdict == Verdict::ok || finding.what.starts_with("not prepared")) continue;
        EXPECT_NE(finding.mend, "");
        said.push_back((finding.verdict == Verdict::stops ? "stops " : "warning ") + finding.what + " -> " +
                       finding.mend);
      }
    }());
    return said;
  }

  Config config;
  ChildConfig& child() { return config.intake->children[0]; }
};

TEST_F(ChecksTest, columns_that_an_index_only_includes_are_no_key) {
  sql_.exec(
      "CREATE TABLE tree.note (id int, status varchar(20) NOT NULL, PRIMARY KEY (id) INCLUDE (status));"
      "CREATE TABLE tree.line (no int NOT NULL, tenant int, status varchar(20) NOT NULL, PRIMARY KEY (tenant, no));"
      "CREATE UNIQUE INDEX line_key ON tree.line (no, tenant) INCLUDE (status);"
      "ALTER TABLE tree.line REPLICA IDENTITY USING INDEX line_key");
  EXPECT_EQ(plan("note", "status = 'approved'").identity, Identity::index);
  EXPECT_THAT(plan("note", "status = 'approved'").identity_columns, ElementsAre("id", "status"));
  EXPECT_EQ(plan("line", "status = 'approved'").identity, Identity::index) << "line_key does not hold status";
  EXPECT_THAT(plan("line").identity_columns, ElementsAre("tenant", "no"));
}

TEST_F(ChecksTest, an_unlogged_partition_and_a_generated_key_are_not_published) {
  sql_.exec(
      "CREATE TABLE tree.report (id int PRIMARY KEY) PARTITION BY RANGE (id);"
      "CREATE TABLE tree.report_1 PARTITION OF tree.report FOR VALUES FROM (1) TO (10);"
      "CREATE UNLOGGED TABLE tree.report_2 PARTITION OF tree.report FOR VALUES FROM (10) TO (20);"
      "CREATE TABLE tree.sum (a int, b int GENERATED ALWAYS AS (a + 1) STORED, PRIMARY KEY (a, b))");
  const auto refusal = [](const std::string& table) {
    try {
      plan(table);
    } catch (const Error& error) {
      return error.message() + " -> " + error.hint();
    }
    return std::string();
  };
  EXPECT_THAT(refusal("report"), AllOf(HasSubstr("tree.report_2"), HasSubstr("SET LOGGED")));
  EXPECT_THAT(refusal("sum"), AllOf(HasSubstr("column b of the primary key"), HasSubstr("ordinary columns")));
  sql_.exec("ALTER TABLE tree.report_2 SET LOGGED");
  EXPECT_EQ(refusal("report"), "");
}

TEST_F(ChecksTest, a_parents_table_needs_an_index_that_tells_rows_apart) {
  sql_.exec(
      "CREATE TABLE tree.good (id int NOT NULL UNIQUE, body text);"
      "CREATE TABLE tree.covered (id int, body text, PRIMARY KEY (id) INCLUDE (body))");
  EXPECT_THAT(findings(), IsEmpty());
  sql_.exec(
      "CREATE TABLE tree.none (id int); CREATE TABLE tree.partial (id int);"
      "CREATE UNIQUE INDEX ON tree.partial (id) WHERE id > 0");
  EXPECT_THAT(findings(),
              ElementsAre(HasSubstr("stops table tree.none has no"), HasSubstr("stops table tree.partial has no")));
}

TEST_F(ChecksTest, an_identity_column_outside_the_key_is_a_warning) {
  sql_.exec(
      "CREATE TABLE tree.own (id int, number int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (id) INCLUDE (number));"
      "CREATE TABLE tree.key (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"
      "CREATE TABLE tree.unique (id int GENERATED ALWAYS AS IDENTITY UNIQUE)");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("warning column number of tree.own is GENERATED ALWAYS")));
}

TEST_F(ChecksTest, an_unlogged_table_or_partition_of_the_parent_stops) {
  sql_.exec(
      "CREATE UNLOGGED TABLE tree.loose (id int PRIMARY KEY);"
      "CREATE TABLE tree.report (id int PRIMARY KEY) PARTITION BY RANGE (id);"
      "CREATE UNLOGGED TABLE tree.report_1 PARTITION OF tree.report FOR VALUES FROM (1) TO (10)");
  EXPECT_THAT(findings(), ElementsAre(AllOf(HasSubstr("stops table tree.loose is UNLOGGED"),
                                            HasSubstr("ALTER TABLE \"tree\".\"loose\" SET LOGGED")),
                                      AllOf(HasSubstr("stops partition tree.report_1 of tree.report is UNLOGGED"),
                                            HasSubstr("ALTER TABLE \"tree\".\"report_1\" SET LOGGED"))));
}

TEST_F(ChecksTest, a_table_without_the_columns_of_owns_is_a_warning) {
  sql_.exec(
      "CREATE TABLE tree.note (id int PRIMARY KEY, district text);"
      "CREATE TABLE tree.codes (id int PRIMARY KEY)");
  child().owns = "district = 'd1'";
  EXPECT_THAT(findings(),
              ElementsAre(HasSubstr("warning child child may write every row of tree.codes: `owns` names")));
  child().owns_by_table = {{"tree.codes", "id < 100"}};
  EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(ChecksTest, conditions_that_cannot_work_stop) {
  sql_.exec(
      "CREATE TABLE tree.note (id int PRIMARY KEY, district text);"
      "CREATE TABLE tree.codes (id int PRIMARY KEY)");
  child().owns = "distrikt = 'd1'";
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("stops `owns` of child child names a column that no table")));
  child().owns = "district = ";
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("stops `owns` of child child is no SQL condition")));
  child().owns = "id = 1 AND lower(id) = 'x'";
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("stops `owns` of child child does not work for table tree.codes"),
                                      HasSubstr("stops `owns` of child child does not work for table tree.note")));
  child().owns = "";
  child().owns_by_table = {{"tree.codes", "district = 'd1'"}, {"tree.gone", "true"}};
  EXPECT_THAT(findings(),
              ElementsAre(HasSubstr("stops owns_by_table of child child names tree.gone"),
                          HasSubstr("stops owns_by_table of child child does not work for table tree.codes")));
}

TEST_F(ChecksTest, what_the_replica_role_leaves_out_at_the_parent) {
  sql_.exec(
      "CREATE TABLE tree.note (id int PRIMARY KEY);"
      "CREATE SCHEMA IF NOT EXISTS elsewhere; CREATE TABLE IF NOT EXISTS elsewhere.author (id int PRIMARY KEY);"
      "CREATE TABLE tree.line (id int PRIMARY KEY, note int REFERENCES tree.note, author int REFERENCES "
      "elsewhere.author);"
      "CREATE FUNCTION tree.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
      "CREATE TRIGGER audit AFTER INSERT ON tree.note FOR EACH ROW EXECUTE FUNCTION tree.touch();"
      "CREATE TRIGGER stamp AFTER INSERT ON tree.note FOR EACH ROW EXECUTE FUNCTION tree.touch()");
  EXPECT_THAT(
      findings(),
      ElementsAre(AllOf(HasSubstr("warning foreign key line_author_fkey of tree.line to elsewhere.author is not "
                                  "enforced on what children send, and children do not write"),
                        HasSubstr("DROP CONSTRAINT line_author_fkey")),
                  AllOf(HasSubstr("warning triggers audit, stamp of tree.note do not fire on what children"),
                        HasSubstr("ENABLE ALWAYS TRIGGER audit"))));
  sql_.exec(
      "ALTER TABLE tree.line DROP CONSTRAINT line_author_fkey; DROP TRIGGER stamp ON tree.note;"
      "ALTER TABLE tree.note ENABLE ALWAYS TRIGGER audit");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("warning trigger audit of tree.note fires on what children send too")));
}

TEST_F(ChecksTest, constraints_that_the_replica_role_switches_off_stop) {
  sql_.exec(
      "CREATE TABLE tree.room (id int PRIMARY KEY, number int UNIQUE DEFERRABLE);"
      "CREATE TABLE tree.slot (id int PRIMARY KEY, at int4range, EXCLUDE USING gist (at WITH &&) DEFERRABLE)");
  EXPECT_THAT(findings(), ElementsAre(AllOf(HasSubstr("stops constraint room_number_key of tree.room is DEFERRABLE"),
                                            HasSubstr("DROP CONSTRAINT room_number_key")),
                                      HasSubstr("stops constraint slot_at_excl of tree.slot is DEFERRABLE")));
}

TEST_F(ChecksTest, a_table_of_several_children_needs_conditions) {
  sql_.exec("CREATE TABLE tree.note (id int PRIMARY KEY, district text); CREATE TABLE tree.code (id int PRIMARY KEY)");
  child().owns_by_table = {{"tree.note", "district = 'd1'"}};
  EXPECT_THAT(findings(), IsEmpty()) << "one child owns all";
  config.intake->children.emplace_back().name = "other";
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("warning several children write tree.code, and these may write every "
                                                "row: child, other"),
                                      HasSubstr("warning several children write tree.note, and these may write every "
                                                "row: other -> owns = ")));
}

}  // namespace
}  // namespace tributary
