#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apply/target.h"

namespace tributary {
namespace {

using testing::HasSubstr;

constexpr uint32_t kInt4 = 23, kInt8 = 20, kText = 25, kVarchar = 1043, kNumeric = 1700, kTimestamptz = 1184,
                   kUuid = 2950, kJson = 114, kJsonb = 3802;

Relation document() {
  Relation relation;
  relation.schema = "public";
  relation.name = "document";
  relation.columns.resize(2);
  relation.columns[0] = {"id", kUuid, "", -1, true};
  relation.columns[1] = {"title", kVarchar, "", 24, false};
  return relation;
}

TargetColumn target_column(const std::string& name, const std::string& type, uint32_t oid, int32_t modifier = -1) {
  TargetColumn column;
  column.name = name;
  column.type_schema = column.base_schema = "pg_catalog";
  column.type_name = column.base_name = type;
  column.type_oid = column.base_oid = oid;
  column.type_modifier = modifier;
  return column;
}

Target document_target() {
  Target target;
  target.exists = target.is_table = true;
  target.columns = {target_column("title", "varchar", kVarchar, 24), target_column("id", "uuid", kUuid)};
  target.keys = {{{{"id", "="}}}};
  target.child_types = {"uuid", "character varying(20)"};
  return target;
}

Mismatch mismatch(const Relation& relation, const Target& target) {
  const auto fitted = fit(relation, target);
  const auto* found = std::get_if<Mismatch>(&fitted);
  return found ? *found : Mismatch{"it fits", ""};
}

bool is_fit(uint32_t child_type, int32_t child_modifier, const TargetColumn& parent) {
  Relation relation = document();
  relation.columns[1].name = parent.name;
  relation.columns[1].type_oid = child_type;
  relation.columns[1].type_modifier = child_modifier;
  Target target = document_target();
  target.columns[0] = parent;
  return std::holds_alternative<Shape>(fit(relation, target));
}

TEST(Fit, ColumnsAreFoundByNameAndCastWithoutModifier) {
  const auto fitted = fit(document(), document_target());
  const auto* shape = std::get_if<Shape>(&fitted);
  ASSERT_NE(shape, nullptr);
  EXPECT_EQ(shape->table, "\"public\".\"document\"");
  EXPECT_EQ(shape->columns[0].name, "\"id\"");
  EXPECT_EQ(shape->columns[0].equals, "=");
  EXPECT_EQ(shape->columns[1].type, "\"pg_catalog\".\"varchar\"");
  EXPECT_EQ(shape->key, std::vector<size_t>{0});
  EXPECT_FALSE(shape->overrides_identity);
}

TEST(Fit, AMissingTableComesWithItsCreateTable) {
  EXPECT_EQ(
      mismatch(document(),
               [] {
                 Target target = document_target();
                 target.exists = false;
                 return target;
               }())
          .hint,
      "CREATE TABLE \"public\".\"document\" (\"id\" uuid, \"title\" character varying(20), PRIMARY KEY (\"id\")); "
      "-- and for its rights: tributary init");
}

TEST(Fit, AMissingColumnComesWithItsAlterTable) {
  Target target = document_target();
  target.columns.erase(target.columns.begin());
  EXPECT_EQ(mismatch(document(), target).hint,
            "ALTER TABLE \"public\".\"document\" ADD COLUMN \"title\" character varying(20);");
}

TEST(Fit, AViewIsNoTable) {
  Target target = document_target();
  target.is_table = false;
  EXPECT_THAT(mismatch(document(), target).reason, HasSubstr("not a table"));
}

TEST(Fit, ATableThatACrashWouldEmptyComesWithItsAlterTable) {
  Target target = document_target();
  target.unlogged = "public.document_2024";
  EXPECT_THAT(mismatch(document(), target).reason,
              HasSubstr("table public.document_2024 is not in the write-ahead log"));
  EXPECT_EQ(mismatch(document(), target).hint, "ALTER TABLE public.document_2024 SET LOGGED;");
}

TEST(Fit, ColumnsThatOnlyTheParentHasAreKnown) {
  Target target = document_target();
  target.columns.push_back(target_column("size", "int4", kInt4));
  target.columns.back().is_generated = true;
  EXPECT_FALSE(std::get<Shape>(fit(document(), target)).has_unsent_columns);
  target.columns.back().is_generated = false;
  EXPECT_TRUE(std::get<Shape>(fit(document(), target)).has_unsent_columns);
}

TEST(Fit, TheKeyNeedsAUniqueIndexOverExactlyItsColumns) {
  Target target = document_target();
  target.keys = {{{{"id", "="}, {"title", "="}}}};
  EXPECT_THAT(mismatch(document(), target).hint, HasSubstr("CREATE UNIQUE INDEX ON \"public\".\"document\" (\"id\")"));
  Relation keyless = document();
  keyless.columns[0].is_key = false;
  EXPECT_THAT(mismatch(keyless, document_target()).reason, HasSubstr("no primary key"));
}

TEST(Fit, AKeyIsComparedExactly) {
  Relation relation = document();
  relation.columns[0].type_oid = kText;
  Target target = document_target();
  target.columns[1] = target_column("id", "text", kText);
  target.child_types[0] = "text";
  target.columns[0].is_collation_deterministic = false;
  EXPECT_TRUE(std::holds_alternative<Shape>(fit(relation, target))) << "a column that is not in the key";
  target.columns[1].is_collation_deterministic = false;
  EXPECT_THAT(mismatch(relation, target).reason, HasSubstr("column \"id\" of table public.document is in the key"));
  EXPECT_EQ(mismatch(relation, target).hint,
            "ALTER TABLE \"public\".\"document\" ALTER COLUMN \"id\" TYPE text COLLATE \"C\";");
}

TEST(Fit, GeneratedAndIdentityColumnsOfTheParent) {
  Target target = document_target();
  target.columns[0].is_generated = true;
  EXPECT_THAT(mismatch(document(), target).hint, HasSubstr("DROP EXPRESSION"));
  target = document_target();
  target.columns[0].is_identity_always = true;
  EXPECT_THAT(mismatch(document(), target).hint, HasSubstr("SET GENERATED BY DEFAULT"));
  target = document_target();
  target.columns[1].is_identity_always = true;
  EXPECT_TRUE(std::get<Shape>(fit(document(), target)).overrides_identity);
}

TEST(Fit, AColumnOfTheParentAloneNeedsADefaultOrNull) {
  Target target = document_target();
  target.columns.push_back(target_column("country", "text", kText));
  EXPECT_EQ(mismatch(document(), target).reason, "it fits");
  target.columns.back().is_not_null = true;
  EXPECT_THAT(mismatch(document(), target).reason, HasSubstr("\"country\""));
  target.columns.back().has_default = true;
  EXPECT_EQ(mismatch(document(), target).reason, "it fits");
}

TEST(Fit, TypesMayWidenWhereTheTextMeansTheSame) {
  EXPECT_TRUE(is_fit(kInt4, -1, target_column("n", "int8", kInt8)));
  EXPECT_TRUE(is_fit(kInt8, -1, target_column("n", "numeric", kNumeric)));
  EXPECT_TRUE(is_fit(kVarchar, 24, target_column("n", "text", kText)));
  EXPECT_FALSE(is_fit(kInt8, -1, target_column("n", "int4", kInt4)));
  EXPECT_FALSE(is_fit(kJson, -1, target_column("n", "jsonb", kJsonb)));
  EXPECT_FALSE(is_fit(kText, -1, target_column("n", "int4", kInt4)));
}

TEST(Fit, ModifiersThatWouldRoundInSilenceDoNotFit) {
  const auto numeric = [](int precision, int scale) { return precision << 16 | scale; };
  const int32_t two = numeric(12, 2) + 4, four = numeric(14, 4) + 4;
  EXPECT_TRUE(is_fit(kNumeric, two, target_column("n", "numeric", kNumeric, two)));
  EXPECT_TRUE(is_fit(kNumeric, two, target_column("n", "numeric", kNumeric, four)));
  EXPECT_FALSE(is_fit(kNumeric, four, target_column("n", "numeric", kNumeric, two)));
  EXPECT_FALSE(is_fit(kNumeric, -1, target_column("n", "numeric", kNumeric, two)));
  EXPECT_FALSE(is_fit(kTimestamptz, -1, target_column("n", "timestamptz", kTimestamptz, 3)));
  EXPECT_TRUE(is_fit(kTimestamptz, 0, target_column("n", "timestamptz", kTimestamptz, 3)));
  // A text that is too long is refused aloud.
  EXPECT_TRUE(is_fit(kVarchar, 24, target_column("n", "varchar", kVarchar, 9)));
  for (const uint32_t loud : {1014u, 1015u, 1042u, 1560u, 1561u, 1562u, 1563u})
    EXPECT_TRUE(is_fit(loud, 24, target_column("n", "loud", loud, 9))) << loud;
  // The elements of an array round as the type itself does; so may what is not known.
  constexpr uint32_t kNumericArray = 1231, kIntervalArray = 1187, kUnknown = 9999;
  EXPECT_FALSE(is_fit(kNumericArray, -1, target_column("n", "_numeric", kNumericArray, two)));
  EXPECT_FALSE(is_fit(kNumericArray, four, target_column("n", "_numeric", kNumericArray, two)));
  EXPECT_TRUE(is_fit(kNumericArray, two, target_column("n", "_numeric", kNumericArray, four)));
  for (const uint32_t times : {1115u, 1183u, 1185u, 1270u}) {
    EXPECT_FALSE(is_fit(times, -1, target_column("n", "times", times, 3))) << times;
    EXPECT_TRUE(is_fit(times, 0, target_column("n", "times", times, 3))) << times;
  }
  EXPECT_FALSE(is_fit(kIntervalArray, -1, target_column("n", "_interval", kIntervalArray, 3)));
  EXPECT_FALSE(is_fit(kUnknown, -1, target_column("n", "unknown", kUnknown, 3)));
  EXPECT_TRUE(is_fit(kUnknown, 3, target_column("n", "unknown", kUnknown, 3)));
}

TEST(Fit, UserTypesAreFoundByNameAndDomainsCastToTheirBase) {
  Relation relation = document();
  relation.columns[1] = {"state", 16500, "public.doc_status", -1, false};
  Target target = document_target();
  target.columns[0] = target_column("state", "doc_status", 99000);
  target.columns[0].type_schema = target.columns[0].base_schema = "public";
  EXPECT_EQ(std::get<Shape>(fit(relation, target)).columns[1].type, "\"public\".\"doc_status\"");
  target.columns[0].type_name = target.columns[0].base_name = "other";
  EXPECT_THAT(mismatch(relation, target).reason, HasSubstr("does not fit its type here"));

  relation.columns[1].type_name = "public.short_text";
  target.columns[0].type_name = "short_text";
  target.columns[0].base_schema = "pg_catalog";
  target.columns[0].base_name = "varchar";
  EXPECT_EQ(std::get<Shape>(fit(relation, target)).columns[1].type, "\"pg_catalog\".\"varchar\"");
}

TEST(Fit, TablesOfTheSystemAreNeverAllowed) {
  Relation relation = document();
  EXPECT_TRUE(is_allowed(relation, {"public.doc*"}));
  EXPECT_FALSE(is_allowed(relation, {"public.photo"}));
  relation.schema = "tributary";
  EXPECT_FALSE(is_allowed(relation, {"*.*", "tributary.document"}));
  relation.schema = "pg_catalog";
  EXPECT_FALSE(is_allowed(relation, {"*.*", "pg_catalog.document"}));
}

}  // namespace
}  // namespace tributary
