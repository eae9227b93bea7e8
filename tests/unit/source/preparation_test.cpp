#include "source/preparation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

PreparedTable prepared(uint32_t oid, const std::string& name, const std::string& where,
                       std::vector<std::string> columns = {}) {
  PreparedTable table;
  table.config = {"public", name, where, columns};
  table.facts.oid = oid;
  table.facts.schema = "public";
  table.facts.name = name;
  ColumnFacts id;
  id.name = "id";
  id.key_position = 1;
  ColumnFacts status;
  status.name = "status";
  status.user_type = "types.status";
  ColumnFacts secret;
  secret.name = "secret";
  table.facts.columns = {id, status, secret};
  table.plan.identity_columns = {"id"};
  table.plan.published_columns = std::move(columns);
  if (!where.empty()) table.plan.publication_filter = where;
  return table;
}

PublicationFacts published(const std::vector<PreparedTable>& tables) {
  PublicationFacts facts;
  facts.exists = facts.has_right_options = true;
  for (const auto& table : tables)
    facts.members[table.facts.oid] = {"public", table.facts.name, table.plan.publication_filter,
                                      table.plan.published_columns};
  return facts;
}

std::vector<std::string> statements(const std::vector<Step>& steps) {
  std::vector<std::string> list;
  for (const Step& step : steps) list.push_back(step.statement);
  return list;
}

TEST(Publication, IsMadeWithFiltersAndColumnLists) {
  const std::vector<PreparedTable> tables{prepared(1, "document", "status = 'approved'", {"id", "status"}),
                                          prepared(2, "Photo", "")};
  EXPECT_THAT(statements(publication_steps("tributary_a", {}, tables)),
              ElementsAre("CREATE PUBLICATION \"tributary_a\" FOR TABLE\n"
                          "  ONLY \"public\".\"document\" (\"id\", \"status\") WHERE (status = 'approved'),\n"
                          "  ONLY \"public\".\"Photo\"\n"
                          "  WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)"));
}

TEST(Publication, ThatIsRightIsLeftAlone) {
  const std::vector<PreparedTable> tables{prepared(1, "document", "status = 'approved'")};
  EXPECT_THAT(publication_steps("tributary_a", published(tables), tables), IsEmpty());
}

TEST(Publication, AlteredByHandIsPutRightInOneStatement) {
  const std::vector<PreparedTable> tables{prepared(1, "document", "status = 'approved'"), prepared(2, "photo", "")};
  PublicationFacts facts = published(tables);
  facts.members[1].filter.reset();
  facts.members.erase(2);
  EXPECT_THAT(statements(publication_steps("tributary_a", facts, tables)),
              ElementsAre(StartsWith("ALTER PUBLICATION \"tributary_a\" SET TABLE")));
}

TEST(Publication, OfAnotherTableTooIsPutRight) {
  const std::vector<PreparedTable> tables{prepared(1, "document", "")};
  PublicationFacts facts = published(tables);
  facts.members[9] = {"public", "draft", std::nullopt, {}};
  EXPECT_EQ(publication_steps("tributary_a", facts, tables).size(), 1u);
}

TEST(Publication, OfAllTablesIsMadeAnewInOneTransaction) {
  const std::vector<PreparedTable> tables{prepared(1, "document", "status = 'approved'")};
  PublicationFacts facts;
  facts.exists = facts.is_for_all_tables = true;
  const auto steps = publication_steps("tributary_a", facts, tables);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_THAT(steps[0].statement, StartsWith("BEGIN;\nDROP PUBLICATION"));
}

TEST(Publication, APartitionedTableIsNamedWithItsPartitions) {
  std::vector<PreparedTable> tables{prepared(1, "measurement", "")};
  tables[0].facts.is_partitioned = true;
  EXPECT_THAT(publication_steps("tributary_a", {}, tables)[0].statement,
              HasSubstr("TABLE\n  \"public\".\"measurement\""));
}

TEST(Publication, AFilterThatItRefusesIsLeftOut) {
  std::vector<PreparedTable> tables{prepared(1, "document", "status = 'approved'")};
  tables[0].plan.publication_filter.reset();
  EXPECT_THAT(publication_steps("tributary_a", {}, tables)[0].statement, testing::Not(HasSubstr("WHERE")));
}

TEST(SourceGrants, TheRoleMayReadWhatIsSentAndWhatTheFilterNeedsAndNoMore) {
  PreparedTable table = prepared(1, "document", "status = 'approved'", {"id"});
  table.plan.identity_columns = {"id", "status"};
  table.plan.filter_columns = {"status"};
  std::vector<Step> steps;
  for (const Grant& grant : source_grants("tributary", "slm", {table})) steps.push_back(grant.step_for("tributary"));
  EXPECT_THAT(statements(steps),
              testing::Contains("GRANT SELECT (\"id\", \"status\") ON TABLE \"public\".\"document\" TO \"tributary\""));
  EXPECT_THAT(statements(steps), testing::Contains("GRANT USAGE ON SCHEMA \"types\" TO \"tributary\""));
}

TEST(ParentGrants, NameEveryTableAndTheReplicaRole) {
  std::vector<Step> steps;
  for (const Grant& grant : parent_grants("apply", {{"public", "document"}, {"public", "photo"}}))
    steps.push_back(grant.step_for("apply"));
  EXPECT_THAT(
      statements(steps),
      testing::IsSupersetOf({"GRANT SET ON PARAMETER session_replication_role TO \"apply\"",
                             "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE \"public\".\"photo\" TO \"apply\""}));
  EXPECT_EQ(
      std::count_if(steps.begin(), steps.end(),
                    [](const Step& step) { return step.statement.find("SCHEMA \"public\"") != std::string::npos; }),
      1);
}

TEST(Roles, AreTheUsersOfTheConnectionStrings) {
  Config config;
  config.database.connection = "postgresql://capture@localhost/slm";
  EXPECT_EQ(source_role(config), "capture");
  EXPECT_EQ(parent_role(config), "capture");
  config.database.apply_connection = "host=localhost user='the applier'";
  EXPECT_EQ(parent_role(config), "the applier");
  config.database.connection = "host=localhost";
  EXPECT_THROW(source_role(config), Error);
}

TEST(Names, TooLongForPostgresqlAreCutAtACharacterAndToldApart) {
  const std::string start(52, 'a');
  const std::string one = bounded_name(start + "ööööööö_one");
  const std::string two = bounded_name(start + "ööööööö_two");
  EXPECT_LE(one.size(), 63u);
  EXPECT_NE(one, two);
  EXPECT_EQ(one.substr(0, 54), start + "ö");
  EXPECT_EQ(bounded_name("document"), "document");
}

TEST(Conditions, EndBeforeAClosingParenthesisEvenAfterAComment) {
  EXPECT_EQ(parenthesised("a = 1"), "(a = 1)");
  EXPECT_EQ(parenthesised("a = 1 -- approved"), "(a = 1 -- approved\n)");
}

}  // namespace
}  // namespace tributary
