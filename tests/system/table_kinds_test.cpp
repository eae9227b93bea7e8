// Tables as they are: names that need quotes, another shape at the parent, generated and identity columns, partitions,
// keys of several columns.
#include <gtest/gtest.h>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

class TableKindsTest : public testing::Test {
 protected:
  void start(const std::string& at_both, const std::vector<SentTable>& tables, const std::string& at_district = {},
             const std::string& at_region = {}) {
    tree.add({.name = "region"});
    tree.add({.name = "district", .parent = "region", .tables = tables});
    if (!at_both.empty()) tree.exec_everywhere(at_both);
    if (!at_district.empty()) district().exec(at_district);
    if (!at_region.empty()) region().exec(at_region);
    tree.exec_everywhere(R"(
      CREATE FUNCTION public.noise(bytes int) RETURNS text LANGUAGE sql VOLATILE AS
        $$ SELECT substr(string_agg(md5(random()::text), ''), 1, bytes) FROM generate_series(0, bytes / 32) $$)");
    tree.start();
  }
  void wait_for(const std::string& what, const std::function<bool()>& has_come) {
    try {
      wait_until(what + " came", has_come);
    } catch (const std::runtime_error& error) {
      ADD_FAILURE() << error.what() << tree.logs();
    }
  }
  Sql& district() { return tree["district"].sql(); }
  Sql& region() { return tree["region"].sql(); }

  Hierarchy tree;
};

TEST_F(TableKindsTest, names_are_taken_as_they_are) {
  const std::string akte = R"("Été 2026"."Bau.akte ""A""")";
  const std::string part = R"("select"."From.Where; --")";
  start(R"(
      CREATE SCHEMA "Été 2026";
      CREATE SCHEMA "select";
      CREATE TYPE "Été 2026"."Zu.stand" AS ENUM ('Entwurf', 'freigegeben, ganz', 'it''s "so"');
      CREATE TABLE )" +
            akte + R"( ("Id" uuid PRIMARY KEY DEFAULT gen_random_uuid(), "straße nr" text, "a""b" text,
        "SELECT" int, "Zu Stand" varchar(20) NOT NULL, "a.b" text, "new" text, "$1" text, "geheim" text);
      CREATE TABLE )" +
            part + R"( ("Some Id" int, "x'y" text, "Zu.Stand" "Été 2026"."Zu.stand" NOT NULL,
        "old" text, PRIMARY KEY ("Some Id", "x'y"));
    )",
        {{.name = akte,
          .where = R"("Zu Stand" = 'ok "1"')",
          .columns = {"Id", "straße nr", "a\"b", "SELECT", "Zu Stand", "a.b", "new", "$1"},
          .key = {"\"Id\""}},
         {.name = part,
          .where = R"("Zu.Stand" IN ('freigegeben, ganz', 'it''s "so"'))",
          .key = {"\"Some Id\"", "\"x'y\""}}});
  district().exec("INSERT INTO " + akte + R"( ("straße nr", "a""b", "SELECT", "Zu Stand", "a.b", "new", "$1", geheim)
      SELECT 'Nr. ' || n, noise(20000), n, CASE n % 2 WHEN 0 THEN 'ok "1"' ELSE 'nein' END, noise(9000), 'n', '$2', 'g'
      FROM generate_series(1, 20) n)");
  district().exec("INSERT INTO " + part +
                  R"( SELECT n, 'x''' || n, 'Entwurf', noise(9000) FROM generate_series(1, 9) n)");
  tree.expect_equal();
  district().exec("UPDATE " + akte + R"( SET "Zu Stand" = 'ok "1"' WHERE "SELECT" % 3 = 0)");
  district().exec("UPDATE " + part + R"( SET "Zu.Stand" = 'it''s "so"' WHERE "Some Id" % 2 = 0)");
  district().exec("UPDATE " + akte + R"( SET "a.b" = 'short' WHERE "SELECT" % 4 = 0)");
  district().exec("UPDATE " + part + R"( SET "x'y" = "x'y" || '"' WHERE "Some Id" % 4 = 0)");
  tree.expect_equal();
  EXPECT_EQ(region().number("SELECT count(*) FROM " + akte), 13);
  EXPECT_EQ(region().number("SELECT count(*) FROM " + akte + " WHERE geheim IS NOT NULL"), 0);
  EXPECT_EQ(region().number("SELECT count(*) FROM " + part), 4);
}

TEST_F(TableKindsTest, the_parent_has_another_order_and_columns_of_its_own) {
  start("", {{.name = "public.note", .columns = {"id", "a", "b", "c"}}, {.name = "public.every_column"}},
        R"(CREATE TABLE note (gone int, a text, id int PRIMARY KEY, b numeric(10,2), dropped text, c text);
           ALTER TABLE note DROP gone, DROP dropped;
           CREATE TABLE every_column (b text, id int PRIMARY KEY, was text);
           ALTER TABLE every_column DROP was;)",
        R"(CREATE TABLE note (c text, received timestamptz NOT NULL DEFAULT now(), b numeric, id bigint PRIMARY KEY,
             remark text DEFAULT 'of the region', a varchar(50), number serial);
           CREATE TABLE every_column (was int, id int PRIMARY KEY, b text);
           ALTER TABLE every_column DROP was;)");
  district().exec(
      "INSERT INTO note (id, a, b, c) SELECT n, 'a' || n, n / 3.0, noise(20000) FROM generate_series(1, 9) n");
  wait_for("the rows", [&] { return region().number("SELECT count(*) FROM note") == 9; });
  EXPECT_EQ(region().number("SELECT count(*) FROM note WHERE remark = 'of the region' AND received IS NOT NULL"), 9);
  region().exec("UPDATE note SET remark = 'mine' WHERE id > 5");
  district().exec(
      "UPDATE note SET a = 'changed'; UPDATE note SET c = 'small' WHERE id = 9; UPDATE note SET id = 20 WHERE id = 8");
  const std::string query = "SELECT id, a, b, c FROM note ORDER BY id";
  const std::string expected = table_text(district(), query);
  wait_for("the changes", [&] { return table_text(region(), query) == expected; });
  EXPECT_EQ(region().number("SELECT count(*) FROM note WHERE remark = 'mine'"), 3) << "the row under a new key is new";

  district().exec("INSERT INTO every_column (id, b) VALUES (1, 'one')");
  wait_for("the row", [&] { return region().number("SELECT count(*) FROM every_column WHERE b = 'one'") == 1; });
}

TEST_F(TableKindsTest, generated_and_identity_columns_stay_right) {
  start(
      "CREATE TABLE sequenced (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
      "  number int GENERATED BY DEFAULT AS IDENTITY, serial serial, word text);",
      {{.name = "public.sequenced"}, {.name = "public.sums"}},
      "CREATE TABLE sums (id int PRIMARY KEY, a int NOT NULL, b int, total int GENERATED ALWAYS AS (a + b) STORED,"
      "  here int GENERATED ALWAYS AS (a) STORED, big text);",
      "CREATE TABLE sums (id int PRIMARY KEY, there int GENERATED ALWAYS AS (a * 10) STORED, a int NOT NULL, b int,"
      "  total int GENERATED ALWAYS AS (a + b) STORED, here int DEFAULT -1, big text);");
  district().exec("INSERT INTO sums (id, a, b, big) SELECT n, n, n * 2, noise(9000) FROM generate_series(1, 5) n");
  district().exec("INSERT INTO sequenced (word) VALUES ('a'), ('b'), ('c')");
  district().exec("UPDATE sums SET b = 100 WHERE id = 2; UPDATE sums SET a = 7, b = NULL WHERE id = 3");
  district().exec("UPDATE sequenced SET number = 1000, word = 'B' WHERE id = 2; DELETE FROM sequenced WHERE id = 1");
  district().exec("INSERT INTO sequenced OVERRIDING SYSTEM VALUE VALUES (77, 5, 6, 'chosen')");
  for (const std::string query :
       {"SELECT id, a, b, total, md5(big) FROM sums ORDER BY id", "SELECT * FROM sequenced ORDER BY id"}) {
    const std::string expected = table_text(district(), query);
    wait_for("the same from " + query, [&] { return table_text(region(), query) == expected; });
  }
  EXPECT_EQ(region().value("SELECT string_agg(there || ':' || here, ' ' ORDER BY id) FROM sums"),
            "10:-1 20:-1 70:-1 40:-1 50:-1");
}

TEST_F(TableKindsTest, keys_of_several_columns_and_of_nothing_else) {
  start(
      "",
      {{.name = "public.line", .where = "is_final", .key = {"tenant", "no"}},
       {.name = "public.member", .key = {"a", "b"}}},
      R"(CREATE TABLE line (body text, tenant text, note text, no int, is_final boolean NOT NULL, PRIMARY KEY (tenant, no));
           CREATE TABLE member (a int, b text, PRIMARY KEY (a, b));)",
      R"(CREATE TABLE line (body text, tenant text, note text, no int, is_final boolean NOT NULL, PRIMARY KEY (no, tenant));
           CREATE TABLE member (a int, b text, PRIMARY KEY (b, a));)");
  district().exec(
      "INSERT INTO line SELECT noise(20000), t, 'n', n, n % 2 = 0 FROM generate_series(1, 6) n,"
      " unnest('{a,b}'::text[]) t");
  district().exec("INSERT INTO member SELECT n, m::text FROM generate_series(1, 5) n, generate_series(1, 5) m");
  tree.expect_equal();
  district().exec("UPDATE line SET no = no + 100 WHERE tenant = 'a'");
  district().exec("UPDATE line SET tenant = 'c', is_final = true WHERE tenant = 'b' AND no < 4");
  district().exec("UPDATE line SET note = 'seen'");
  district().exec(
      "DELETE FROM member WHERE a = 1; UPDATE member SET b = b || '!' WHERE a = 2; UPDATE member SET a = 9 WHERE b = "
      "'3'"
      " AND a = 3");
  district().exec("BEGIN; DELETE FROM member WHERE a = 4; INSERT INTO member VALUES (4, '4'); COMMIT");
  tree.expect_equal();
}

TEST_F(TableKindsTest, partitioned_tables_travel_through_their_root) {
  const std::string root =
      "(id int, area text NOT NULL, status text NOT NULL, body text, at date NOT NULL,"
      " PRIMARY KEY (id, area, at)) PARTITION BY LIST (area)";
  start("",
        {{.name = "public.report", .where = "status = 'approved'", .key = {"id", "area", "at"}},
         {.name = "public.event", .where = "kind = 'open'", .key = {"id", "at"}}},
        "CREATE TYPE event_kind AS ENUM ('open', 'secret');"
        "CREATE TABLE report " +
            root +
            ";"
            "CREATE TABLE report_north PARTITION OF report FOR VALUES IN ('north');"
            "CREATE TABLE report_south PARTITION OF report FOR VALUES IN ('south') PARTITION BY RANGE (at);"
            "CREATE TABLE report_south_1 PARTITION OF report_south FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');"
            "CREATE TABLE report_odd (body text, junk int, at date NOT NULL, status text NOT NULL, id int NOT NULL,"
            "  area text NOT NULL); ALTER TABLE report_odd DROP junk;"
            "ALTER TABLE report ATTACH PARTITION report_odd FOR VALUES IN ('odd');"
            "CREATE TABLE event (id int, at date, kind event_kind NOT NULL, body text, PRIMARY KEY (id, at))"
            "  PARTITION BY RANGE (at);"
            "CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');",
        "CREATE TYPE event_kind AS ENUM ('open', 'secret');"
        "CREATE TABLE report " +
            root +
            ";"
            "CREATE TABLE report_all PARTITION OF report DEFAULT;"
            "CREATE TABLE event (id int, at date, kind event_kind NOT NULL, body text, PRIMARY KEY (id, at));");
  const auto write = [&](int first, const std::string& area, const std::string& day) {
    district().exec(
        "INSERT INTO report SELECT n, $1, CASE n % 2 WHEN 0 THEN 'approved' ELSE 'draft' END, noise(20000), $2::date"
        " FROM generate_series($3::int, $3::int + 9) n",
        {area, day, std::to_string(first)});
  };
  write(1, "north", "2024-01-01");
  write(11, "south", "2024-05-01");
  write(21, "odd", "2024-05-01");
  district().exec(
      "INSERT INTO event SELECT n, '2024-03-01', CASE n % 2 WHEN 0 THEN 'open' ELSE 'secret' END::event_kind,"
      " noise(9000) FROM generate_series(1, 10) n");
  tree.expect_equal();

  district().exec("UPDATE report SET status = 'approved' WHERE id % 3 = 0");
  district().exec("UPDATE report SET area = 'north' WHERE id % 5 = 0");
  district().exec(
      "UPDATE report SET status = 'draft' WHERE id % 7 = 0; UPDATE report SET id = id + 1000 WHERE id % 4 = 0");
  district().exec("UPDATE event SET kind = 'open' WHERE id = 3");
  tree.expect_equal();

  // Leaves made after init: the application's UPDATE goes on working, and large values come along.
  district().exec("CREATE TABLE report_west PARTITION OF report FOR VALUES IN ('west')");
  district().exec(
      "CREATE TABLE report_south_2 PARTITION OF report_south FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')");
  district().exec(
      "CREATE TABLE report_east (LIKE report); INSERT INTO report_east SELECT n, 'east', 'draft', noise(20000),"
      " '2024-01-01' FROM generate_series(51, 60) n; ALTER TABLE report ATTACH PARTITION report_east"
      " FOR VALUES IN ('east')");
  district().exec("CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')");
  write(61, "west", "2024-01-01");
  write(71, "south", "2025-01-01");
  district().exec("INSERT INTO event SELECT n, '2025-03-01', 'secret', noise(9000) FROM generate_series(11, 20) n");
  district().exec("UPDATE report SET status = 'approved' WHERE area IN ('west', 'east', 'south') AND id % 3 = 0");
  district().exec("UPDATE event SET kind = 'open' WHERE id % 3 = 0");
  district().exec(
      "UPDATE report SET area = 'west' WHERE id IN (51, 54, 72); UPDATE event SET at = '2025-04-01' WHERE id = 3");
  district().exec("UPDATE report SET body = 'short' WHERE area = 'east'; DELETE FROM report WHERE id IN (57, 66)");
  tree.expect_equal();
  EXPECT_GT(region().number("SELECT count(*) FROM report WHERE area IN ('west', 'east')"), 5);
  district().exec("TRUNCATE report");
  tree.expect_equal();
  EXPECT_EQ(region().number("SELECT count(*) FROM report"), 0);
}

TEST_F(TableKindsTest, a_table_taken_out_of_the_configuration_leaves_the_others_in_peace) {
  start("CREATE TABLE kept (id int PRIMARY KEY); CREATE TABLE past (id int PRIMARY KEY)",
        {{.name = "public.kept"}, {.name = "public.past"}});
  district().exec("INSERT INTO kept VALUES (1); INSERT INTO past VALUES (1)");
  tree.expect_equal();
  tree["district"].agent().stop();
  // Still published: what the slot has of it comes when the configuration does not name it any more.
  district().exec("INSERT INTO kept VALUES (2); INSERT INTO past VALUES (2); TRUNCATE past");
  tree["district"].edit().tables.pop_back();
  tree["district"].write_config();
  tree["district"].init();
  tree["district"].agent().start();
  district().exec("INSERT INTO kept VALUES (3)");
  tree.expect_equal();
  EXPECT_EQ(region().number("SELECT count(*) FROM kept"), 3);
  EXPECT_EQ(region().number("SELECT count(*) FROM past"), 1);
}

TEST_F(TableKindsTest, a_row_that_its_filter_cannot_be_evaluated_for_holds_capture) {
  start(
      "CREATE FUNCTION public.share(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 100 / $1';"
      "CREATE TABLE part (id int PRIMARY KEY, n int NOT NULL)",
      {{.name = "public.part", .where = "public.share(n) > 3 -- not the small ones"}});
  district().exec("INSERT INTO part VALUES (1, 10), (2, 90)");
  wait_for("the large one", [&] { return region().number("SELECT count(*) FROM part") == 1; });
  district().exec("INSERT INTO part VALUES (3, 0), (4, 20)");
  const std::string reason = "the row filter of public.part cannot be evaluated for a row (SQLSTATE 22012)";
  wait_for("the reason", [&] {
    const status::Capture capture = tree["district"].agent().status().capture();
    return capture.message().find(reason) != std::string::npos;
  });
  EXPECT_EQ(region().value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM part"), "1");
}

}  // namespace
}  // namespace tributary::test
