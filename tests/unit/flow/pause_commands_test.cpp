#include "flow/pause_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using testing::HasSubstr;

Config region() {
  Config config;
  config.node.name = "region";
  config.parent.emplace().name = "nation";
  for (const char* name : {"document", "note", "east"}) {
    TableConfig table;
    table.name = name;
    config.tables.push_back(table);
  }
  TableConfig other;
  other.schema = "archive";
  other.name = "note";
  config.tables.push_back(other);
  config.intake.emplace();
  for (const char* name : {"east", "west"}) config.intake->children.emplace_back().name = name;
  return config;
}

std::string refusal(const Config& config, const std::string& name, bool is_child = false) {
  try {
    find_pause_target(config, name, is_child);
  } catch (const Error& error) {
    return error.message() + " | " + error.hint();
  }
  return "none";
}

TEST(PauseTarget, ANameIsATableOrAChild) {
  EXPECT_EQ(find_pause_target(region(), "document", false).table, "public.document");
  EXPECT_EQ(find_pause_target(region(), "archive.note", false).table, "archive.note");
  EXPECT_EQ(find_pause_target(region(), "west", false).child, "west");
  EXPECT_EQ(find_pause_target(region(), "east", true).child, "east");
  EXPECT_EQ(find_pause_target(region(), "public.east", false).table, "public.east");
  const PauseTarget sending = find_pause_target(region(), "", false);
  EXPECT_EQ(sending.table + sending.child, "");
}

TEST(PauseTarget, ANameThatIsBothOrNeitherIsRefusedWithWhatThereIs) {
  EXPECT_THAT(refusal(region(), "east"), HasSubstr("east is a table and a child here"));
  EXPECT_THAT(refusal(region(), "east"), HasSubstr("public.east for the table, or --child east for the child"));
  EXPECT_THAT(refusal(region(), "note"), HasSubstr("several tables are called note"));
  EXPECT_THAT(refusal(region(), "north"), HasSubstr("no table or child north"));
  EXPECT_THAT(refusal(region(), "north"), HasSubstr("public.document"));
  EXPECT_THAT(refusal(region(), "document", true), HasSubstr("children: east, west"));
  Config nation = region();
  nation.parent.reset();
  EXPECT_THAT(refusal(nation, ""), HasSubstr("name a child"));
  EXPECT_THAT(refusal(nation, "document"), HasSubstr("children: east, west"));
}

TEST(Pauses, AreReadAsTheyWereWritten) {
  Pauses::All all;
  all.sending_since = 17;
  all.tables["public.document"] = {4, false};
  all.tables["public.note"] = {5, true};
  EXPECT_EQ(Pauses::All::from(all.memory()), all);
  EXPECT_EQ(Pauses::All::from({}), Pauses::All{});
  EXPECT_THROW(Pauses::All::from("\xff"), Error);
}

}  // namespace
}  // namespace tributary
