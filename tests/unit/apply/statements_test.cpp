#include "apply/statements.h"

#include <gtest/gtest.h>

#include "apply/net_group.h"

namespace tributary {
namespace {

Shape document() {
  Shape shape;
  shape.table = "\"public\".\"document\"";
  shape.title = "public.document";
  shape.columns = {{"\"id\"", "\"pg_catalog\".\"uuid\"", "=", true},
                   {"\"title\"", "\"pg_catalog\".\"text\"", "", false},
                   {"\"big\"", "\"pg_catalog\".\"text\"", "", false}};
  shape.key = {0};
  return shape;
}

Value text(std::string_view value) {
  return {ValueKind::text, value};
}
const Value kNull{ValueKind::null, {}};
const Value kUnchanged{ValueKind::unchanged, {}};

using Values = std::vector<Value>;

std::vector<RowValues> rows_of(const std::vector<Values>& rows) {
  std::vector<RowValues> pointers;
  for (const Values& row : rows) pointers.push_back(row.data());
  return pointers;
}

TEST(Statements, APutIsAnUpsertOfWholeRows) {
  const std::vector<Values> rows = {{text("1"), text("t"), text("b")}};
  StatementList list;
  add_puts(list, document(), rows_of(rows));
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list.statements()[0].sql,
            "INSERT INTO \"public\".\"document\" AS t (\"id\", \"title\", \"big\") "
            "SELECT s.c1::\"pg_catalog\".\"uuid\" AS \"id\", s.c2::\"pg_catalog\".\"text\" AS \"title\", "
            "s.c3::\"pg_catalog\".\"text\" AS \"big\" FROM (SELECT unnest($1::text[]) AS c1, unnest($2::text[]) AS c2, "
            "unnest($3::text[]) AS c3) AS s "
            "ON CONFLICT (\"id\") DO UPDATE SET \"title\" = excluded.\"title\", \"big\" = excluded.\"big\"");
  EXPECT_EQ(list.statements()[0].params.size(), 3u);
}

TEST(Statements, APutUnderOwnsTestsTheRowAsItWasAndAsItWillBe) {
  Shape shape = document();
  shape.owns = "district = 'A'";
  const std::vector<Values> rows = {{text("1"), text("t"), text("b")}};
  StatementList list;
  add_puts(list, shape, rows_of(rows));
  EXPECT_EQ(
      list.statements()[0].sql,
      "INSERT INTO \"public\".\"document\" AS t (\"id\", \"title\", \"big\") "
      "SELECT n.* FROM (SELECT s.c1::\"pg_catalog\".\"uuid\" AS \"id\", s.c2::\"pg_catalog\".\"text\" AS \"title\", "
      "s.c3::\"pg_catalog\".\"text\" AS \"big\" FROM (SELECT unnest($1::text[]) AS c1, unnest($2::text[]) AS c2, "
      "unnest($3::text[]) AS c3) AS s) AS n "
      "WHERE (SELECT (district = 'A') IS TRUE FROM (SELECT n.*) AS x) "
      "ON CONFLICT (\"id\") DO UPDATE SET \"title\" = excluded.\"title\", \"big\" = excluded.\"big\" "
      "WHERE (SELECT (district = 'A') IS TRUE FROM (SELECT t.*) AS x)");
}

TEST(Statements, APutOfKeysAloneDoesNothingOnConflict) {
  Shape shape = document();
  shape.columns.resize(1);
  shape.overrides_identity = true;
  const std::vector<Values> rows = {{text("1")}};
  StatementList list;
  add_puts(list, shape, rows_of(rows));
  EXPECT_EQ(list.statements()[0].sql,
            "INSERT INTO \"public\".\"document\" AS t (\"id\") OVERRIDING SYSTEM VALUE "
            "SELECT s.c1::\"pg_catalog\".\"uuid\" AS \"id\" FROM (SELECT unnest($1::text[]) AS c1) AS s ON CONFLICT "
            "(\"id\") DO "
            "NOTHING");
}

TEST(Statements, ARemoveMatchesEveryKeyColumn) {
  Shape shape = document();
  shape.columns[1].is_key = true;
  shape.columns[1].equals = "OPERATOR(\"ext\".=)";
  shape.key = {0, 1};
  const std::vector<Values> rows = {{text("1"), text("t"), kNull}};
  StatementList list;
  add_removes(list, shape, rows_of(rows));
  EXPECT_EQ(list.statements()[0].sql,
            "DELETE FROM ONLY \"public\".\"document\" AS t USING (SELECT unnest($1::text[]) AS c1, unnest($2::text[]) "
            "AS c2) AS s "
            "WHERE t.\"id\" = s.c1::\"pg_catalog\".\"uuid\" "
            "AND t.\"title\" OPERATOR(\"ext\".=) s.c2::\"pg_catalog\".\"text\"");
}

TEST(Statements, ARemoveUnderOwnsLeavesOthersRowsAndCountsThem) {
  Shape shape = document();
  shape.owns = "a";
  const std::vector<Values> rows = {{text("1"), kNull, kNull}};
  StatementList list;
  add_removes(list, shape, rows_of(rows));
  const std::string source = "(SELECT unnest($1::text[]) AS c1) AS s WHERE t.\"id\" = s.c1::\"pg_catalog\".\"uuid\"";
  const std::string is_owned = "(SELECT (a) IS TRUE FROM (SELECT t.*) AS x)";
  EXPECT_EQ(list.statements()[0].sql,
            "WITH gone AS (DELETE FROM ONLY \"public\".\"document\" AS t USING " + source + " AND " + is_owned +
                " RETURNING 1) SELECT g.n, CASE WHEN g.n < $2::bigint THEN (SELECT count(*) FROM ONLY "
                "\"public\".\"document\" AS t, " +
                source + " AND NOT " + is_owned + ") ELSE 0 END FROM (SELECT count(*) FROM gone) AS g (n)");
}

TEST(Statements, APatchMasksWhatIsUnchangedInSomeRows) {
  const std::vector<Values> rows = {{text("1"), text("t"), kUnchanged}, {text("2"), kNull, text("b")}};
  StatementList list;
  add_patches(list, document(), rows_of(rows));
  EXPECT_EQ(list.statements()[0].sql,
            "UPDATE ONLY \"public\".\"document\" AS t SET \"title\" = s.c2::\"pg_catalog\".\"text\", "
            "\"big\" = CASE WHEN s.m3 THEN t.\"big\" ELSE s.c3::\"pg_catalog\".\"text\" END "
            "FROM (SELECT unnest($1::text[]) AS c1, unnest($2::text[]) AS c2, unnest($3::text[]) AS c3, "
            "unnest($4::bool[]) AS m3) AS s "
            "WHERE t.\"id\" = s.c1::\"pg_catalog\".\"uuid\"");
  EXPECT_FALSE(list.statements()[0].is_prepared);
}

TEST(Statements, APatchLeavesOutWhatIsUnchangedInAllRows) {
  Shape shape = document();
  shape.owns = "a";
  const std::vector<Values> rows = {{text("1"), text("t"), kUnchanged}};
  StatementList list;
  add_patches(list, shape, rows_of(rows));
  EXPECT_EQ(list.statements()[0].sql,
            "UPDATE ONLY \"public\".\"document\" AS t SET \"title\" = s.c2::\"pg_catalog\".\"text\" "
            "FROM (SELECT unnest($1::text[]) AS c1, unnest($2::text[]) AS c2) AS s WHERE t.\"id\" = "
            "s.c1::\"pg_catalog\".\"uuid\" "
            "AND (SELECT (a) IS TRUE FROM (SELECT t.*) AS x) "
            "AND (SELECT (a) IS TRUE FROM (SELECT t.\"id\" AS \"id\", s.c2::\"pg_catalog\".\"text\" AS \"title\", "
            "t.\"big\" AS \"big\") AS x)");
}

TEST(Statements, APatchOfNothingStillNeedsItsRow) {
  const std::vector<Values> rows = {{text("1"), kUnchanged, kUnchanged}};
  StatementList list;
  add_patches(list, document(), rows_of(rows));
  EXPECT_EQ(list.statements()[0].sql,
            "SELECT count(*) FROM ONLY \"public\".\"document\" AS t JOIN (SELECT unnest($1::text[]) AS c1) AS s "
            "ON t.\"id\" = s.c1::\"pg_catalog\".\"uuid\"");
}

TEST(Statements, AClearLeavesWhatIsNotOwned) {
  Shape shape = document();
  StatementList list;
  add_clear(list, shape);
  shape.owns = "district = 'A'";
  add_clear(list, shape);
  EXPECT_EQ(list.statements()[0].sql, "DELETE FROM ONLY \"public\".\"document\" AS t");
  EXPECT_EQ(
      list.statements()[1].sql,
      "DELETE FROM ONLY \"public\".\"document\" AS t WHERE (SELECT (district = 'A') IS TRUE FROM (SELECT t.*) AS x)");
}

TEST(Statements, NothingIsSaidOfNoRows) {
  StatementList list;
  add_puts(list, document(), {});
  add_patches(list, document(), {});
  add_removes(list, document(), {});
  EXPECT_EQ(list.size(), 0u);
}

TEST(Statements, ThePartitionsOfATableAreWrittenThroughIt) {
  Shape shape = document();
  shape.is_partitioned = true;
  shape.may_clear = true;
  StatementList list;
  add_clear(list, shape);
  EXPECT_EQ(list.statements()[0].sql, "DELETE FROM \"public\".\"document\" AS t");
}

TEST(Statements, AGroupClearsThenRemovesThenPatchesThenPuts) {
  Shape document_shape = document(), photo_shape = document();
  document_shape.may_clear = true;
  photo_shape.table = "\"public\".\"photo\"";
  photo_shape.title = "public.photo";
  std::string whole, partial, key;
  write_tuple(whole, {text("1"), text("t"), text("b")});
  write_tuple(partial, {text("2"), text("t"), kUnchanged});
  write_tuple(key, {text("3"), kNull, kNull});
  NetGroup net;
  ASSERT_TRUE(net.add({ChangeKind::put, 2, whole}, photo_shape));
  ASSERT_TRUE(net.add({ChangeKind::clear, 1, {}}, document_shape));
  ASSERT_TRUE(net.add({ChangeKind::put, 1, whole}, document_shape));
  ASSERT_TRUE(net.add({ChangeKind::patch, 2, partial}, photo_shape));
  ASSERT_TRUE(net.add({ChangeKind::remove, 1, key}, document_shape));
  StatementList list;
  Walks walks;
  walks.clear();
  walks.set("public.photo", {.is_complete = true, .walked_to = {}});
  net.add_statements(list, NetGroup::Inserts::by_upsert, "district-a", walks);
  ASSERT_EQ(list.size(), 5u);
  EXPECT_TRUE(list.statements()[0].sql.starts_with("DELETE FROM ONLY \"public\".\"document\" AS t"));
  EXPECT_TRUE(list.statements()[1].sql.starts_with("DELETE FROM ONLY \"public\".\"document\" AS t USING"));
  EXPECT_TRUE(list.statements()[2].sql.starts_with("UPDATE ONLY \"public\".\"photo\""));
  EXPECT_TRUE(list.statements()[3].sql.starts_with("INSERT INTO \"public\".\"document\""));
  EXPECT_TRUE(list.statements()[4].sql.starts_with("INSERT INTO \"public\".\"photo\""));
}

TEST(Statements, ATableUnderAnotherShapeHasNoRoom) {
  const Shape shape = document();
  NetGroup net;
  EXPECT_TRUE(net.has_room_for(1, shape));
  EXPECT_TRUE(net.has_room_for(1, shape));
  EXPECT_FALSE(net.has_room_for(2, shape));
}

TEST(Statements, AClearWithoutKnownRowsIsNotWritten) {
  const Shape shape = document();
  NetGroup net;
  EXPECT_FALSE(net.add({ChangeKind::clear, 1, {}}, shape));
}

TEST(Statements, ATextArrayIsPostgresqlsBinaryForm) {
  const std::vector<Values> rows = {{text("ab")}, {kNull}, {text("")}};
  const char expected[] =
      "\0\0\0\1"          // dimensions
      "\0\0\0\1"          // has nulls
      "\0\0\0\x19"        // text
      "\0\0\0\3\0\0\0\1"  // elements, lower bound
      "\0\0\0\2"
      "ab"
      "\xff\xff\xff\xff"
      "\0\0\0\0";
  EXPECT_EQ(text_array(rows_of(rows), 0), std::string(expected, sizeof expected - 1));
}

TEST(Statements, AMaskIsAnArrayOfBooleans) {
  const std::vector<Values> rows = {{kUnchanged}, {text("x")}};
  const char expected[] =
      "\0\0\0\1"
      "\0\0\0\0"
      "\0\0\0\x10"
      "\0\0\0\2\0\0\0\1"
      "\0\0\0\1\1"
      "\0\0\0\1\0";
  EXPECT_EQ(unchanged_array(rows_of(rows), 0), std::string(expected, sizeof expected - 1));
}

}  // namespace
}  // namespace tributary
