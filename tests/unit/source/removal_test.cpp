#include "source/removal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kTable[] = R"("public"."document")";
constexpr char kRole[] = R"("tributary")";

Config config() {
  Config config;
  config.node.name = "district";
  return config;
}

std::vector<std::string> statements(const Preparation& removal) {
  std::vector<std::string> list;
  for (const Step& step : removal.steps) list.push_back(step.statement);
  return list;
}

RemovalFacts with_identity(const std::string& former, const std::string& now, bool is_ours) {
  RemovalFacts facts;
  facts.records = {{"replica identity", kTable, "USING INDEX \"made\"", "", former}};
  facts.identities = {{kTable, now, is_ours, {"own", "made"}}};
  return facts;
}

TEST(Removal, OfNothingIsNothing) {
  EXPECT_THAT(removal_of({}, config()).steps, IsEmpty());
}

TEST(Removal, LeavesNoMomentInWhichAnUpdateOfTheApplicationFails) {
  RemovalFacts facts = with_identity("DEFAULT", "USING INDEX \"made\"", true);
  facts.slots = {"tributary_district"};
  facts.has_publication = facts.has_event_trigger = facts.has_schema = true;
  facts.triggered_tables = {kTable};
  facts.indexes = {{R"("public"."made")", {kTable}, false}};
  EXPECT_THAT(statements(removal_of(facts, config())),
              ElementsAre(HasSubstr("pg_drop_replication_slot"), HasSubstr("DROP PUBLICATION"),
                          HasSubstr("DROP EVENT TRIGGER"), HasSubstr("DROP TRIGGER zzz_tributary_complete"),
                          R"(ALTER TABLE "public"."document" REPLICA IDENTITY DEFAULT)",
                          R"(DROP INDEX CONCURRENTLY "public"."made")", HasSubstr("DROP SCHEMA tributary")));
}

TEST(Removal, PutsBackTheIdentityThatWasThereBeforeInit) {
  EXPECT_THAT(statements(removal_of(with_identity("USING INDEX \"own\"", "USING INDEX \"made\"", true), config())),
              ElementsAre(HasSubstr("REPLICA IDENTITY USING INDEX \"own\"")));
  EXPECT_THAT(statements(removal_of(with_identity("NOTHING", "USING INDEX \"made\"", true), config())),
              ElementsAre(HasSubstr("REPLICA IDENTITY NOTHING")));
  EXPECT_THAT(statements(removal_of(with_identity("DEFAULT", "DEFAULT", false), config())), IsEmpty());
}

TEST(Removal, OfAnIdentityWhoseFormerIndexIsGoneSaysSo) {
  const Preparation removal = removal_of(with_identity("USING INDEX \"gone\"", "USING INDEX \"made\"", true), config());
  EXPECT_THAT(statements(removal), ElementsAre(HasSubstr("REPLICA IDENTITY DEFAULT")));
  EXPECT_THAT(removal.notes, ElementsAre(HasSubstr("no longer there")));
}

TEST(Removal, LeavesAnIdentityThatSomeoneChangedSince) {
  const Preparation removal = removal_of(with_identity("DEFAULT", "FULL", false), config());
  EXPECT_THAT(removal.steps, IsEmpty());
  EXPECT_THAT(removal.notes, ElementsAre(HasSubstr("was changed after init, to FULL")));
}

RemovalFacts with_role(bool was_made) {
  RemovalFacts facts;
  facts.database = "app";
  facts.has_schema = true;
  facts.rights = {{"grant", "PARAMETER session_replication_role", "SET", kRole},
                  {"grant", R"(TABLE "public"."document")", "INSERT", kRole},
                  {"grant", R"(TABLE "public"."document")", "SELECT (\"id\")", kRole},
                  {"grant", R"(TABLE "tributary"."applied")", "SELECT", kRole}};
  facts.roles[kRole].exists = true;
  if (was_made)
    facts.records = {{"role", kRole, "LOGIN"}};
  else
    facts.records = {{"role attribute", kRole, "REPLICATION", "", "NOREPLICATION"},
                     {"role setting", kRole, "log_error_verbosity", "", "verbose"},
                     {"role setting", kRole, "log_parameter_max_length", "", std::nullopt}};
  return facts;
}

TEST(Removal, DropsARoleThatInitMadeWithEverythingItWasGiven) {
  EXPECT_THAT(statements(removal_of(with_role(true), config())),
              ElementsAre(HasSubstr("DROP SCHEMA tributary;\nDROP OWNED BY \"tributary\";\nDROP ROLE \"tributary\"")));
}

TEST(Removal, PutsARoleOfBeforeBack) {
  EXPECT_THAT(statements(removal_of(with_role(false), config())),
              ElementsAre("REVOKE SET ON PARAMETER session_replication_role FROM \"tributary\"",
                          "REVOKE INSERT, SELECT (\"id\") ON TABLE \"public\".\"document\" FROM \"tributary\"",
                          "ALTER ROLE \"tributary\" NOREPLICATION",
                          "ALTER ROLE \"tributary\" IN DATABASE \"app\" SET log_error_verbosity = 'verbose'",
                          "ALTER ROLE \"tributary\" IN DATABASE \"app\" RESET log_parameter_max_length",
                          Not(HasSubstr("DROP ROLE"))));
}

TEST(Removal, LeavesARoleThatIsUsedElsewhereWithWhatHoldsForTheWholeCluster) {
  RemovalFacts facts = with_role(true);
  facts.roles[kRole].elsewhere = {"other"};
  const Preparation removal = removal_of(facts, config());
  EXPECT_THAT(statements(removal),
              ElementsAre(HasSubstr("REVOKE INSERT, SELECT (\"id\")"), Not(HasSubstr("DROP ROLE"))));
  EXPECT_THAT(removal.notes, ElementsAre(HasSubstr("keeps SET"), HasSubstr("it has rights in other")));
}

}  // namespace
}  // namespace tributary
