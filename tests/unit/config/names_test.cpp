// What a node's name becomes in its database, how tables are named, and connection strings as people see them.
#include <gtest/gtest.h>

#include "base/error.h"
#include "config/config.h"
#include "config/connection_string.h"
#include "config/table_name.h"
#include "config/table_pattern.h"

namespace tributary {
namespace {

std::string slot_of(const std::string& node) {
  Config config;
  config.node.name = node;
  EXPECT_EQ(config.slot(), config.publication());
  return config.slot();
}

TEST(SlotName, FollowsTheNodesName) {
  EXPECT_EQ(slot_of("district-a"), "tributary_district_a");
  EXPECT_EQ(slot_of("r1"), "tributary_r1");
}

TEST(SlotName, TellsNodesApartThatWouldMeetInOneName) {
  EXPECT_NE(slot_of("district.a"), slot_of("district-a"));
  EXPECT_NE(slot_of("a.b-c"), slot_of("a-b.c"));
  const std::string long_name(60, 'x');
  EXPECT_NE(slot_of(long_name + "-a"), slot_of(long_name + "-b"));
}

TEST(SlotName, IsAlwaysOneThatPostgresAccepts) {
  for (const std::string& node : {std::string("district.a"), std::string(63, 'x'), std::string(53, 'y')}) {
    const std::string slot = slot_of(node);
    EXPECT_LE(slot.size(), 63u);
    EXPECT_EQ(slot.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos) << slot;
  }
}

TEST(ControlSocket, LiesBesideTheQueue) {
  Config config;
  config.queue.path = "/var/lib/tributary/queue.db";
  EXPECT_EQ(config.control_socket(), "/var/lib/tributary/control.sock");
}

TEST(TableName, MayLeaveOutTheSchema) {
  EXPECT_EQ(parse_table_name("document").full_name(), "public.document");
  EXPECT_EQ(parse_table_name("slm.document").full_name(), "slm.document");
}

TEST(TableName, MayBeQuoted) {
  const TableName name = parse_table_name(R"("My Schema"."say ""hi"".now")");
  EXPECT_EQ(name.schema, "My Schema");
  EXPECT_EQ(name.name, R"(say "hi".now)");
}

TEST(TableName, IsRefusedWhenItCouldMeanSomethingElse) {
  for (const char* text :
       {"", ".", "a.", ".a", "a.b.c", "Document", "my table", "\"open", "\"a\"b", "a*", "\"\"", "a\"b"})
    EXPECT_THROW(parse_table_name(text), Error) << text;
  EXPECT_THROW(parse_table_name(std::string(64, 'a')), Error);
}

TEST(TablePattern, MayHoldWildcards) {
  EXPECT_EQ(parse_table_pattern("slm.*").full_name(), "slm.*");
  EXPECT_EQ(parse_table_pattern("photo_?").full_name(), "public.photo_?");
  EXPECT_EQ(parse_table_pattern("*").full_name(), "*.*");
}

TEST(TablePattern, MatchesWholeNamesOnly) {
  EXPECT_TRUE(matches_any("public.document", {"public.photo", "public.document"}));
  EXPECT_FALSE(matches_any("public.documents", {"public.document"}));
  EXPECT_FALSE(matches_any("public.document", {}));
}

TEST(TablePattern, HasWildcardsThatStayWithinSchemaOrTable) {
  EXPECT_TRUE(matches_any("slm.photo_1", {"slm.photo_?"}));
  EXPECT_FALSE(matches_any("slm.photo_12", {"slm.photo_?"}));
  EXPECT_TRUE(matches_any("slm.photo_12", {"s*.p*2"}));
  EXPECT_TRUE(matches_any("slm.photo", {"*.*"}));
  EXPECT_FALSE(matches_any("slm.photo", {"*"}));
  EXPECT_FALSE(matches_any("slm.photo", {"slm?photo"}));
}

TEST(TablePattern, TellsTheDotBetweenSchemaAndTableFromOneInAName) {
  const std::string in_schema = parse_table_name(R"("a.b"."c")").full_name();
  const std::string in_table = parse_table_name(R"("a"."b.c")").full_name();
  EXPECT_NE(in_schema, in_table);
  EXPECT_TRUE(matches_any(in_schema, {"*.*"}));
  EXPECT_TRUE(matches_any(in_schema, {in_schema}));
  EXPECT_FALSE(matches_any(in_schema, {in_table}));
  EXPECT_FALSE(matches_any(in_schema, {"a.*"}));
  EXPECT_TRUE(matches_any(in_table, {"a.*"}));
  const std::string odd = parse_table_name(R"("Été ""26"""."x ""y"".")").full_name();
  EXPECT_EQ(odd, R"("Été ""26"""."x ""y"".")");
  EXPECT_TRUE(matches_any(odd, {parse_table_pattern(R"("Été*"."x ?y*")").full_name()}));
}

TEST(Password, IsHiddenInKeywordForm) {
  EXPECT_EQ(without_password("host=db password=s3cret user=u"), "host=db password=*** user=u");
  EXPECT_EQ(without_password(R"(password = 's3 c\'ret' host=db)"), "password=*** host=db");
  EXPECT_EQ(without_password(R"(password=s3\ cret host=db)"), "password=*** host=db");
  EXPECT_EQ(without_password("sslpassword=x PASSWORD=y"), "sslpassword=*** PASSWORD=***");
  EXPECT_EQ(without_password("host='a b' dbname=x"), "host='a b' dbname=x");
  EXPECT_EQ(without_password(""), "");
}

TEST(Password, IsHiddenInUris) {
  EXPECT_EQ(without_password("postgresql://u:s3cret@db:5432/slm"), "postgresql://u:***@db:5432/slm");
  EXPECT_EQ(without_password("postgres://u:s3/cr@et@db/slm"), "postgres://u:***@db/slm");
  EXPECT_EQ(without_password("postgresql://u@db:5432/slm?application_name=x&password=s3cret&a=b"),
            "postgresql://u@db:5432/slm?application_name=x&password=***&a=b");
  EXPECT_EQ(without_password("postgresql:///slm?pass%77ord=s3cret"), "postgresql:///slm?pass%77ord=***");
}

TEST(Password, IsNotShownByAStringThatIsNotRight) {
  for (const char* text : {"password='s3cret", "host='db password=s3cret", "host=db s3cret", "s3cret"})
    EXPECT_EQ(without_password(text).find("s3cret"), std::string::npos) << text;
}

}  // namespace
}  // namespace tributary
