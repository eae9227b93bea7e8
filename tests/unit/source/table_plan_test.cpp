#include "source/table_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

ColumnFacts column(const std::string& name, const std::string& type, int key_position = 0) {
  ColumnFacts facts;
  facts.name = name;
  facts.sql_type = type;
  facts.key_position = key_position;
  facts.is_not_null = key_position > 0;
  if (key_position > 0) facts.index_bytes_max = 16;
  return facts;
}

ColumnFacts large_text(const std::string& name) {
  ColumnFacts facts = column(name, "text");
  facts.is_text = facts.is_toastable = true;
  return facts;
}

ColumnFacts narrow(const std::string& name, bool is_not_null = true) {
  ColumnFacts facts = column(name, "boolean");
  facts.index_bytes_max = 1;
  facts.is_not_null = is_not_null;
  return facts;
}

// public.document(id, approved, body), key id, REPLICA IDENTITY DEFAULT.
TableFacts document() {
  TableFacts table;
  table.oid = 20000;
  table.schema = "public";
  table.name = "document";
  table.columns = {column("id", "uuid", 1), narrow("approved"), large_text("body")};
  TreeMember self;
  self.schema = "public";
  self.name = "document";
  self.identity_columns = {"id"};
  table.tree = {self};
  return table;
}

TableConfig configured(const std::string& where = "approved", std::vector<std::string> columns = {}) {
  return {"public", "document", where, std::move(columns)};
}

const RowFilter kApproved{{"approved"}, {}};

std::vector<std::string> statements(const std::vector<Step>& steps) {
  std::vector<std::string> list;
  for (const Step& step : steps) list.push_back(step.statement);
  return list;
}

TEST(TablePlan, WithoutFilterThePrimaryKeyIsIdentityEnough) {
  const TableFacts table = document();
  const TablePlan plan = plan_table(configured(""), table, nullptr, std::nullopt);
  EXPECT_EQ(plan.identity, Identity::primary_key);
  const TableSteps steps = steps_of(plan, table, nullptr);
  EXPECT_THAT(steps.indexes, IsEmpty());
  EXPECT_THAT(steps.identities, IsEmpty());
}

TEST(TablePlan, ANarrowFilterColumnGetsAnIndexBesideTheKey) {
  const TableFacts table = document();
  const TablePlan plan = plan_table(configured(), table, &kApproved, "approved");
  EXPECT_EQ(plan.identity, Identity::index);
  const TableSteps steps = steps_of(plan, table, nullptr);
  const std::string index = quote_name(plan.identity_index);
  EXPECT_THAT(statements(steps.indexes), ElementsAre("CREATE UNIQUE INDEX CONCURRENTLY " + index +
                                                     " ON ONLY \"public\".\"document\" (\"id\", \"approved\")"));
  EXPECT_EQ(
      steps.identities[0].records,
      (std::vector<UndoRecord>{{"replica identity", R"("public"."document")", "USING INDEX " + index, "", "DEFAULT"}}));
  EXPECT_THAT(statements(steps.identities),
              ElementsAre("ALTER TABLE \"public\".\"document\" REPLICA IDENTITY USING INDEX " + index));
}

TEST(TablePlan, ANullableFilterColumnNeedsFullIdentityAndNoCompletion) {
  TableFacts table = document();
  table.columns[1] = narrow("approved", false);
  const TablePlan plan = plan_table(configured(), table, &kApproved, "approved");
  EXPECT_EQ(plan.identity, Identity::full);
  EXPECT_FALSE(plan.completion);
  EXPECT_THAT(statements(steps_of(plan, table, nullptr).identities),
              ElementsAre("ALTER TABLE \"public\".\"document\" REPLICA IDENTITY FULL"));
}

TEST(TablePlan, AnIdentityThatHoldsTheFilterAlreadyIsKept) {
  TableFacts table = document();
  table.tree[0].replica_identity = 'i';
  table.tree[0].identity_index = "document_by_approval";
  table.tree[0].identity_columns = {"id", "approved"};
  table.tree[0].indexes["document_by_approval"] = {true, false, ""};
  const TablePlan plan = plan_table(configured(), table, &kApproved, "approved");
  EXPECT_EQ(plan.identity, Identity::kept);
  const TableSteps steps = steps_of(plan, table, nullptr);
  EXPECT_THAT(steps.indexes, IsEmpty());
  EXPECT_THAT(steps.identities, IsEmpty());
}

TEST(TablePlan, FullIdentityChosenByTheAdministratorIsLeftAlone) {
  TableFacts table = document();
  table.tree[0].replica_identity = 'f';
  table.tree[0].identity_columns = {};
  const TablePlan plan = plan_table(configured(), table, &kApproved, "approved");
  EXPECT_EQ(plan.identity, Identity::full);
  EXPECT_THAT(steps_of(plan, table, nullptr).identities, IsEmpty());
}

TEST(TablePlan, AColumnThatNothingBoundsIsInNoIndex) {
  for (const int broken : {0, 1}) {
    TableFacts table = document();
    table.columns[broken].index_bytes_max.reset();
    const TablePlan plan = plan_table(configured(), table, &kApproved, "approved");
    EXPECT_EQ(plan.identity, Identity::full);
    EXPECT_EQ(index_obstacles(table, plan).size(), 1u);
  }
  TableFacts table = document();
  table.columns[1].index_bytes_max = 2700;
  EXPECT_EQ(plan_table(configured(), table, &kApproved, "approved").identity, Identity::full);
}

TEST(TablePlan, AFullIdentityOfInitsOwnGivesWayToAnIndex) {
  TableFacts table = document();
  table.tree[0].replica_identity = 'f';
  table.tree[0].identity_columns = {};
  PublishedRecord record;
  record.identity = "full";
  record.former_identity = "default";
  const TablePlan plan = plan_table(configured(), table, &kApproved, "approved", &record);
  EXPECT_EQ(plan.identity, Identity::index);
  EXPECT_THAT(statements(steps_of(plan, table, &record).identities), ElementsAre(HasSubstr("USING INDEX")));
  record.former_identity = "full";
  EXPECT_EQ(plan_table(configured(), table, &kApproved, "approved", &record).identity, Identity::full);
}

TEST(TablePlan, ABrokenIndexIsBuiltAnew) {
  TableFacts table = document();
  const TablePlan plan = plan_table(configured(), table, &kApproved, "approved");
  table.tree[0].indexes[plan.identity_index] = {false, false, ""};
  EXPECT_THAT(statements(steps_of(plan, table, nullptr).indexes),
              ElementsAre(HasSubstr("DROP INDEX CONCURRENTLY"), HasSubstr("CREATE UNIQUE INDEX CONCURRENTLY")));
}

TEST(TablePlan, PartitionsAreIndexedOneByOneAndAttachedFromTheLeavesUp) {
  TableFacts table = document();
  table.is_partitioned = true;
  table.tree[0].is_leaf = false;
  TreeMember leaf = table.tree[0];
  leaf.name = "document_2024";
  leaf.is_leaf = true;
  leaf.parent_schema = "public";
  leaf.parent_name = "document";
  table.tree.push_back(leaf);
  const TablePlan plan = plan_table(configured(), table, &kApproved, "approved");
  const TableSteps steps = steps_of(plan, table, nullptr);
  EXPECT_THAT(statements(steps.indexes),
              ElementsAre(HasSubstr("CREATE UNIQUE INDEX \"document_trib"),
                          HasSubstr("CONCURRENTLY \"document_2024_trib"), HasSubstr("ATTACH PARTITION")));
  EXPECT_EQ(steps.identities.size(), 2u);
}

TEST(TablePlan, TheColumnListCoversKeyAndFilter) {
  TableFacts table = document();
  table.columns.push_back(column("secret", "text"));
  const TablePlan plan = plan_table(configured("approved", {"id", "body"}), table, &kApproved, "approved");
  EXPECT_THAT(plan.published_columns, ElementsAre("id", "approved", "body"));
}

TEST(TablePlan, UnderFullIdentityNoColumnListIsPublished) {
  TableFacts table = document();
  table.columns[1] = narrow("approved", false);
  EXPECT_THAT(plan_table(configured("approved", {"id", "body"}), table, &kApproved, "approved").published_columns,
              IsEmpty());
}

TEST(TablePlan, AnIndexInUseIsNotDroppedWhenTheFilterGoesAway) {
  TableFacts table = document();
  table.tree[0].replica_identity = 'i';
  table.tree[0].identity_index = "document_tributary_1";
  table.tree[0].identity_columns = {"id", "approved"};
  table.tree[0].indexes["document_tributary_1"] = {true, false, ""};
  PublishedRecord record;
  record.identity_index = "document_tributary_1";
  const TablePlan plan = plan_table(configured(""), table, nullptr, std::nullopt);
  EXPECT_THAT(steps_of(plan, table, &record).leftovers, IsEmpty());
}

TEST(TablePlan, WhatIsRecordedAlreadyIsNoStep) {
  const TableFacts table = document();
  const TablePlan plan = plan_table(configured(), table, &kApproved, "approved");
  EXPECT_EQ(record_steps(configured(), plan, table, nullptr).size(), 1u);
  PublishedRecord record{"approved", "approved", {"approved"}, {}, "index", plan.identity_index, "default", {}};
  EXPECT_THAT(record_steps(configured(), plan, table, &record), IsEmpty());
  record.row_filter = "approved or true";
  EXPECT_EQ(record_steps(configured(), plan, table, &record).size(), 1u);
}

TEST(RequirePublishable, NamesWhatIsMissing) {
  const auto message = [](const TableConfig& config, const TableFacts& table) -> std::string {
    try {
      require_publishable(config, table);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::setup);
      EXPECT_FALSE(error.hint().empty());
      return error.message();
    }
    return "";
  };
  EXPECT_EQ(message(configured(), document()), "");
  EXPECT_THAT(message(configured("", {"id", "nope"}), document()), HasSubstr("no column nope"));
  EXPECT_THAT(message(configured("", {"body"}), document()), HasSubstr("primary key"));
  TableFacts keyless = document();
  keyless.columns[0].key_position = 0;
  EXPECT_THAT(message(configured(), keyless), HasSubstr("no primary key"));
  TableFacts deferrable = document();
  deferrable.key_is_immediate = false;
  EXPECT_THAT(message(configured(), deferrable), HasSubstr("DEFERRABLE"));
  TableFacts unlogged = document();
  unlogged.is_unlogged = true;
  EXPECT_THAT(message(configured(), unlogged), HasSubstr("write-ahead log"));
  TableFacts computed = document();
  computed.columns[0].is_generated = true;
  EXPECT_THAT(message(configured(), computed), HasSubstr("column id of the primary key"));
  TableFacts loose = document();
  loose.columns[0].is_collation_deterministic = false;
  EXPECT_THAT(message(configured(), loose), HasSubstr("nondeterministic collation"));
}

TEST(RequirePublishable, NamesTheUnloggedPartition) {
  TableFacts table = document();
  table.is_partitioned = true;
  table.tree[0].is_leaf = false;
  table.tree[0].is_unlogged = true;  // has no rows of its own
  TreeMember leaf = document().tree[0];
  leaf.name = "document_2024";
  table.tree.push_back(leaf);
  EXPECT_NO_THROW(require_publishable(configured(), table));
  table.tree[1].is_unlogged = true;
  try {
    require_publishable(configured(), table);
    FAIL() << "a partition that is not in the log was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("partition public.document_2024"));
    EXPECT_EQ(error.hint(), "ALTER TABLE \"public\".\"document_2024\" SET LOGGED");
  }
}

TEST(Completion, RewritesLargeColumnsOnlyWhenTheRowEntersTheFilter) {
  const auto completion = make_completion(configured(), document(), {"approved"}, false, {});
  ASSERT_TRUE(completion);
  EXPECT_THAT(completion->create_trigger,
              HasSubstr("record_image_ne(row(old.\"id\", old.\"approved\"), row(new.\"id\", new.\"approved\"))"));
  EXPECT_THAT(completion->function_body, HasSubstr("new.\"body\" := new.\"body\" || ''"));
  EXPECT_THAT(completion->function_body, HasSubstr("IS NOT TRUE"));
  EXPECT_THAT(completion->function_body, Not(HasSubstr("new.\"id\" :=")));
}

TEST(Completion, NeverCallsAFunctionOfAUserInTheApplicationsUpdate) {
  const auto completion = make_completion(configured("public.ready(approved)"), document(), {"approved"}, true, {});
  ASSERT_TRUE(completion);
  EXPECT_THAT(completion->function_body, Not(HasSubstr("public.ready")));
}

TEST(Completion, ATableWithoutLargeValuesNeedsNone) {
  EXPECT_FALSE(make_completion(configured(), document(), {"approved"}, false, {"id", "approved"}));
}

TEST(Completion, AChangedDefinitionOrADisabledTriggerIsInstalledAnew) {
  TableFacts table = document();
  const auto completion = make_completion(configured(), table, {"approved"}, false, {});
  EXPECT_EQ(completion_steps(table, completion).size(), 1u);
  table.completion = {completion->definition_mark, 'A', completion->function_body, "", true};
  EXPECT_THAT(completion_steps(table, completion), IsEmpty());
  table.completion.enabled = 'O';
  EXPECT_EQ(completion_steps(table, completion).size(), 1u);
  table.completion = {"another", 'A', completion->function_body, "", true};
  EXPECT_EQ(completion_steps(table, completion).size(), 1u);
}

TEST(Completion, IsTakenAwayWhenNoLongerNeeded) {
  TableFacts table = document();
  table.completion.exists = true;
  EXPECT_THAT(statements(completion_steps(table, std::nullopt)), ElementsAre(HasSubstr("DROP TRIGGER")));
}

}  // namespace
}  // namespace tributary
