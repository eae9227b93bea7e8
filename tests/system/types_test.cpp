// Values of every type arrive as they were written: in a whole row, in a partial update, as a key, and large.
#include <gtest/gtest.h>

#include "support/hierarchy.h"
#include "types_fixture.h"

namespace tributary::test {
namespace {

class TypesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    std::vector<SentTable> tables = {{.name = "every_type"}, {.name = "every_array"}};
    for (SentTable& table : tables) table.name = "public." + table.name;
    tables.push_back({.name = "public.large", .where = "is_approved"});
    for (const KeyType& key : key_types()) tables.push_back({.name = "public." + key.table, .key = {"k"}});
    tree_->add({.name = "nation"});
    tree_->add({.name = "region", .parent = "nation", .tables = tables});
    tree_->add({.name = "district", .parent = "region", .tables = tables});
    tree_->exec_everywhere(types_schema());
    tree_->start();
  }
  static void TearDownTestSuite() { tree_.reset(); }

  static Sql& district() { return (*tree_)["district"].sql(); }
  static Sql& nation() { return (*tree_)["nation"].sql(); }
  static void expect_equal() { tree_->expect_equal(); }

  static std::unique_ptr<Hierarchy> tree_;
};

std::unique_ptr<Hierarchy> TypesTest::tree_;

TEST_F(TypesTest, whole_rows_arrive_as_they_are) {
  for (const std::string& insert : rows_of_every_type()) district().exec(insert);
  expect_equal();
  EXPECT_EQ(nation().number("SELECT count(*) FROM every_type"), district().number("SELECT count(*) FROM every_type"));
  EXPECT_GT(nation().number("SELECT count(*) FROM every_array"), 3);
}

TEST_F(TypesTest, a_partial_update_writes_the_values_it_has) {
  // The large column is not touched, so that the change travels as a partial update.
  for (const std::string table : {"every_type", "every_array"}) {
    std::string set;
    for (const Row& column : district().rows("SELECT attname FROM pg_attribute WHERE attrelid = '" + table +
                                             "'::regclass AND attnum > 2 AND NOT attisdropped"))
      set += (set.empty() ? "" : ", ") + *column[0] + " = other." + *column[0];
    district().exec("UPDATE " + table + " AS t SET " + set + " FROM " + table +
                    " AS other WHERE other.id = 1 + t.id % (SELECT max(id) FROM " + table + ")");
  }
  expect_equal();
  EXPECT_EQ(nation().number("SELECT min(length(large)) FROM every_type"), 8000);

  district().exec("UPDATE every_type SET c2 = NULL, c5 = NULL WHERE id % 2 = 0");
  expect_equal();
}

TEST_F(TypesTest, rows_are_found_by_keys_of_every_type) {
  for (const KeyType& key : key_types()) {
    for (const std::string& value : key.values)
      district().exec("INSERT INTO " + key.table + " VALUES (" + value + ", 'new')");
  }
  expect_equal();
  const auto first = [](const KeyType& key) { return "(" + key.values.front() + ")::" + key.type; };
  const auto last = [](const KeyType& key) { return "(" + key.values.back() + ")::" + key.type; };
  for (const KeyType& key : key_types()) {
    district().exec("UPDATE " + key.table + " SET note = 'seen ' || k::text");
    district().exec("DELETE FROM " + key.table + " WHERE k = " + first(key));
  }
  expect_equal();
  for (const KeyType& key : key_types())
    district().exec("UPDATE " + key.table + " SET k = " + first(key) + " WHERE k = " + last(key));
  expect_equal();
  EXPECT_EQ(nation().number("SELECT count(*) FROM key_numeric"), 3);
}

TEST_F(TypesTest, an_equal_key_in_other_words_replaces_the_row) {
  district().exec("INSERT INTO key_numeric VALUES (7.0, 'seven'); INSERT INTO key_citext VALUES ('Word', 'a word')");
  expect_equal();
  district().exec("UPDATE key_numeric SET k = 7.000 WHERE k = 7; UPDATE key_citext SET k = 'wORD' WHERE k = 'word'");
  expect_equal();
  EXPECT_EQ(nation().value("SELECT k FROM key_numeric WHERE k = 7"), "7.000");
  EXPECT_EQ(nation().value("SELECT k FROM key_citext WHERE k = 'word'"), "wORD");
}

TEST_F(TypesTest, large_values_of_every_type_come_along_when_the_row_is_approved) {
  district().exec(row_of_large_values());
  const int64_t outside =
      district().number("SELECT pg_relation_size(reltoastrelid) / 8192 FROM pg_class WHERE oid = 'large'::regclass");
  EXPECT_GT(outside, 20);
  district().exec("UPDATE large SET is_approved = true");
  expect_equal();
  EXPECT_EQ(nation().number("SELECT count(*) FROM large"), 1);
  district().exec("UPDATE large SET id = 2");
  expect_equal();
  EXPECT_EQ(nation().value("SELECT id FROM large"), "2");
}

}  // namespace
}  // namespace tributary::test
