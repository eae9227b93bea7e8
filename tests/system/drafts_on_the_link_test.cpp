// A row that never met its filter is in no byte that a child sends: not its values, not its key, not as a bound of what
// is copied, compared or asked for.
#include <gmock/gmock.h>

#include "eavesdropper.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// What is approved has PUBLIC in every text, what is not has SECRET.
class DraftsOnTheLinkTest : public testing::Test {
 protected:
  DraftsOnTheLinkTest() {
    const std::string approved = "status = 'approved'";
    std::vector<SentTable> tables;
    for (const char* name : {"by_text", "by_label", "by_full"})
      tables.push_back({.name = std::string("public.") + name, .where = approved, .key = {"name"}});
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district", .parent = "region", .tables = tables});
    tree.exec_everywhere(R"(
      CREATE TYPE state AS ENUM ('draft', 'approved');
      CREATE TABLE by_text (name text PRIMARY KEY, body text, image bytea, status varchar(10) NOT NULL);
      CREATE TABLE by_label (name text PRIMARY KEY, body text, image bytea, status state NOT NULL);
      CREATE TABLE by_full (name text PRIMARY KEY, body text, image bytea, status text);
    )");
    tree.init();
    eavesdropper = std::make_unique<Eavesdropper>(district(), tree.pki());
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  void in_every_table(const std::string& statements) {
    for (const char* table : {"by_text", "by_label", "by_full"}) {
      std::string sql = statements;
      for (size_t at; (at = sql.find("TABLE")) != std::string::npos;) sql.replace(at, 5, table);
      district().sql().exec(sql);
    }
  }
  // Numbers from first to last, every second a draft, whose keys lie among the others'.
  void write(int first, int last) {
    in_every_table(
        "INSERT INTO TABLE SELECT n || CASE WHEN n % 2 = 0 THEN ' PUBLIC' ELSE ' SECRET' END, "
        "CASE WHEN n % 2 = 0 THEN 'PUBLIC' ELSE 'SECRET' END || repeat(md5(n::text), n % 40), "
        "decode(repeat(md5(n::text), n % 100), 'hex'), "
        "(CASE WHEN n % 2 = 0 THEN 'approved' ELSE 'draft' END)::text::" +
        std::string("state") + " FROM generate_series(" + std::to_string(first) + ", " + std::to_string(last) + ") n");
  }

  Hierarchy tree;
  std::unique_ptr<Eavesdropper> eavesdropper;

 private:
  Node* region_;
  Node* district_;
};

TEST_F(DraftsOnTheLinkTest, not_a_byte_of_them) {
  write(1, 3000);
  for (const auto& node : tree.nodes()) node->agent().start();
  district().wait_until_streaming();
  district().wait_until_copied();
  tree.expect_equal();

  write(3001, 3400);
  in_every_table(R"(
    UPDATE TABLE SET body = 'SECRET again' WHERE status = 'draft' AND name LIKE '%7 SECRET';
    UPDATE TABLE SET name = 'moved ' || name WHERE status = 'draft' AND name LIKE '%9 SECRET';
    DELETE FROM TABLE WHERE status = 'draft' AND name LIKE '%3 SECRET';
    UPDATE TABLE SET name = name || ' moved' WHERE name LIKE '%4 PUBLIC';
    UPDATE TABLE SET status = 'draft', body = 'SECRET now' WHERE name LIKE '%6 PUBLIC';
    UPDATE TABLE SET status = 'approved', body = 'PUBLIC now', name = 'PUBLIC ' || left(name, -7) WHERE name LIKE '%1 SECRET';
    UPDATE TABLE SET body = 'PUBLIC later' WHERE name LIKE '%8 PUBLIC')");
  tree.expect_equal();

  // What is refreshed by its keys, what is compared, what is walked anew.
  region().sql().exec(
      "DELETE FROM by_text WHERE name LIKE '%0 PUBLIC'; UPDATE by_full SET body = 'other' WHERE name LIKE '%2 PUBLIC'");
  EXPECT_EQ(district().agent().command({"verify", "--repair"}).exit_code, 0);
  tree.expect_equal();
  district().agent().stop();
  district().sql().exec("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
  write(3401, 3600);
  district().agent().start();
  district().wait_until_streaming();
  district().wait_until_copied();
  tree.expect_equal();

  const std::string heard = eavesdropper->heard();
  for (const char* words : {"PUBLIC now", "PUBLIC later", "moved"}) EXPECT_NE(heard.find(words), std::string::npos);
  const size_t place = heard.find("SECRET");
  EXPECT_EQ(place, std::string::npos) << heard.substr(place < 200 ? 0 : place - 200, 400);
}

}  // namespace
}  // namespace tributary::test
