// Whatever ALTER ROLE and ALTER DATABASE say of sessions, the agents' own are as values and safety need them.
#include <gtest/gtest.h>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

// Everything that changes how values are written or read, what is visible, how long a statement may take.
const char* const kWrongSettings[] = {
    "DateStyle = 'SQL, DMY'",
    "IntervalStyle = 'sql_standard'",
    "TimeZone = 'America/St_Johns'",
    "extra_float_digits = -15",
    "bytea_output = 'escape'",
    "xmlbinary = 'hex'",
    "xmloption = 'document'",
    "client_encoding = 'LATIN1'",
    "search_path = 'decoy, public'",
    "row_security = on",
    "array_nulls = off",
    "transform_null_equals = on",
    "standard_conforming_strings = off",
    "quote_all_identifiers = on",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_read_only = on",
    "default_transaction_deferrable = on",
    "statement_timeout = '1ms'",
    "lock_timeout = '1ms'",
    "idle_in_transaction_session_timeout = '1ms'",
    "idle_session_timeout = '1ms'",
    "synchronous_commit = off",
    "client_min_messages = 'debug5'",
    "default_tablespace = 'nowhere'",
    "temp_tablespaces = 'nowhere'",
    "plan_cache_mode = 'force_generic_plan'",
    "enable_indexscan = off",
    "escape_string_warning = on",
    "backslash_quote = off",
    "lc_monetary = 'C.utf8'",
    "work_mem = '64kB'",
};

// The administrator's and the application's sessions of this test are not what it is about.
const char* const kOfTheTest[] = {"statement_timeout = 0", "idle_in_transaction_session_timeout = 0",
                                  "idle_session_timeout = 0", "lock_timeout = 0", "default_tablespace = ''"};

class SessionSettingsTest : public testing::Test {
 protected:
  SessionSettingsTest() {
    const std::vector<SentTable> tables = {
        {.name = "public.note", .where = "approved_at <= '2026-01-02 03:04:05+00'"},
        {.name = "public.labelled", .where = "label = 'approved' AND seen <= '01.02.2026'::text"}};
    tree.add({.name = "nation"});
    tree.add({.name = "region", .parent = "nation", .tables = tables});
    tree.add({.name = "district", .parent = "region", .tables = tables});
    tree.exec_everywhere(R"(
      CREATE TYPE label AS ENUM ('draft', 'approved');
      CREATE TABLE note (id int PRIMARY KEY, approved_at timestamptz, d date, t timetz, ts timestamp, tz timestamptz,
        i interval, f real, g double precision, b bytea, m money, x xml, a text[], ti tstzrange, s text, big text,
        fs double precision[], im interval[]);
      CREATE TABLE labelled (id int PRIMARY KEY, label label NOT NULL, seen varchar(20) NOT NULL, big text, x xml,
        tz timestamptz[], fs double precision[], im interval[], b bytea[]);
      CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql VOLATILE AS
        $$ SELECT substr(string_agg(md5(random()::text), ''), 1, bytes) FROM generate_series(0, bytes / 32) $$;
      CREATE SCHEMA decoy;
      CREATE TABLE decoy.note (id int); CREATE TABLE decoy.labelled (id int);
      CREATE FUNCTION decoy.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
    )");
  }

  void spoil(const std::string& whose) {
    for (const auto& node : tree.nodes()) {
      for (const char* setting : kWrongSettings)
        node->sql().exec("SET client_min_messages = error; ALTER " + whose + " SET " + setting);
      for (const char* setting : kOfTheTest)
        node->sql().exec("ALTER ROLE postgres IN DATABASE app SET " + std::string(setting));
    }
  }
  Sql& district() { return tree["district"].sql(); }

  void write(int first) {
    // As a badly set session of the application would: these settings change nothing about what is stored.
    district().exec(
        "SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = -15;"
        "SET bytea_output = 'escape'; SET xmloption = content; SET TimeZone = 'America/St_Johns'");
    const std::string id = std::to_string(first);
    district().exec(R"(INSERT INTO note SELECT n, CASE WHEN n % 2 = 0 THEN timestamptz '2026-01-02 03:04:05+00' END,
        '2024-03-02', '01:02:03.000004-03:30', '2024-03-02 01:02:03.000004', '2024-03-02 01:02:03.000004Z',
        make_interval(1, -2, 0, 3, -4, 5, -0.000006), 0.1 + n, 0.1::float8 + 0.2::float8 + n, '\x00ff5c27', '-1234.56'::money,
        '<a/>text', ARRAY['NULL', NULL, E'\\', ''], tstzrange('2024-03-02 01:02Z', NULL), E'back\\slash é €',
        noise(20000), ARRAY[0.1::float8 + 0.2::float8], ARRAY[make_interval(1, -2)] FROM generate_series()" +
                    id + ", " + id + " + 9) n");
    district().exec(
        R"(INSERT INTO labelled SELECT n, 'draft', CASE WHEN n % 2 = 0 THEN '01.01.2026' ELSE '31.12.2026' END, noise(9000),
        ('<a>' || noise(9000) || '</a>tail')::xml,
        (SELECT array_agg(timestamptz '1890-01-01 00:00Z' + g * interval '1.000001 s') FROM generate_series(1, 900) g),
        (SELECT array_agg(sqrt(g) + 0.1) FROM generate_series(1, 900) g),
        (SELECT array_agg(make_interval(g, -g, 0, g, -g, 5, -0.000006)) FROM generate_series(1, 900) g),
        (SELECT array_agg(decode(md5(g::text), 'hex')) FROM generate_series(1, 900) g)
        FROM generate_series()" +
        id + ", " + id + " + 9) n");
    district().exec("UPDATE labelled SET label = 'approved'");
    district().exec(
        "UPDATE note SET approved_at = '2020-01-01' WHERE id % 3 = 0; UPDATE note SET s = s || '!' WHERE id % 4 = 0");
    district().exec(
        "SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1;"
        "SET bytea_output = 'hex'; SET TimeZone = 'UTC'");
  }

  Hierarchy tree;
};

TEST_F(SessionSettingsTest, rows_arrive_exactly_whatever_the_databases_and_roles_have_set) {
  spoil("DATABASE app");
  tree.init();  // it, too, is spoiled
  spoil("ROLE tributary");
  spoil("ROLE tributary IN DATABASE app");
  tree.start();
  write(1);
  tree.expect_equal();
  EXPECT_EQ(tree["nation"].sql().number("SELECT count(*) FROM note"), 7);
  EXPECT_EQ(tree["nation"].sql().number("SELECT count(*) FROM labelled"), 5);

  // The settings are the same after a link and an agent come again.
  tree["region"].agent().stop();
  write(11);
  tree["region"].agent().start();
  tree.expect_equal();
  EXPECT_GT(tree["nation"].sql().number("SELECT count(*) FROM note"), 12);
}

// What a session has set is only known in it: a trigger that fires under the replica role writes it down.
TEST_F(SessionSettingsTest, applied_rows_are_committed_durably_and_nothing_is_hidden) {
  tree.exec_everywhere(R"(
    CREATE TABLE setting_seen (name text, setting text);
    GRANT ALL ON setting_seen TO PUBLIC;
    CREATE FUNCTION record_settings() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO public.setting_seen SELECT name, setting FROM pg_catalog.pg_settings
      WHERE name IN ('synchronous_commit', 'row_security', 'search_path', 'transaction_isolation', 'transaction_read_only',
                     'session_replication_role', 'TimeZone', 'DateStyle');
      RETURN NULL; END $$;
    CREATE TRIGGER record AFTER INSERT ON note FOR EACH STATEMENT EXECUTE FUNCTION record_settings();
    ALTER TABLE note ENABLE ALWAYS TRIGGER record;
  )");
  tree.init();
  spoil("ROLE tributary");
  spoil("DATABASE app");
  for (const auto& node : tree.nodes()) node->agent().start();
  for (const auto& node : tree.nodes()) node->wait_until_streaming();
  write(1);
  tree.expect_equal();
  for (const std::string tier : {"region", "nation"}) {
    EXPECT_EQ(
        table_text(tree[tier].sql(), "SELECT DISTINCT name, setting FROM setting_seen ORDER BY name"),
        "DateStyle | ISO, YMD\nTimeZone | UTC\nrow_security | off\nsearch_path | \nsession_replication_role | replica\n"
        "synchronous_commit | on\ntransaction_isolation | read committed\ntransaction_read_only | off\n")
        << tier;
  }
}

}  // namespace
}  // namespace tributary::test
