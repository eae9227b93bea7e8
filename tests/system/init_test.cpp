// `tributary init` never harms the application: not its writes while it works, nor any INSERT or DDL afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <regex>
#include <sstream>
#include <thread>

#include "support/hierarchy.h"
#include "system/catalogue_text.h"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr char kSchema[] = R"(
  CREATE TABLE document (id int PRIMARY KEY, approved boolean NOT NULL, title text, body text);
  CREATE TABLE report (id int, at date, approved boolean NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE report_24 PARTITION OF report FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE report_25 PARTITION OF report FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
)";

class InitTest : public testing::Test {
 protected:
  void make(const std::string& schema, const std::vector<SentTable>& tables) {
    tree.add({.name = "nation"});
    tree.add({.name = "region", .parent = "nation", .tables = tables});
    region().sql().exec(schema);
    tree["nation"].sql().exec(schema);
    for (const auto& node : tree.nodes()) node->write_config();
  }
  std::string identity(const std::string& table) {
    return region().sql().value("SELECT relreplident FROM pg_class WHERE oid = $1::regclass", {table});
  }
  Node& region() { return tree["region"]; }

  Hierarchy tree;
};

// Root becomes postgres by itself; the service's user is let in as postgres by a map; psql gets what is printed.
TEST_F(InitTest, three_ways_to_run_it_give_the_same_catalogue) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs several users of the system";
  tree.add({.name = "nation"});
  tree.add({.name = "region",
            .parent = "nation",
            .tables = {{.name = "public.document", .where = "approved", .columns = {"id", "approved", "title"}},
                       {.name = "public.report", .where = "approved"}},
            .uses_socket = true});
  tree.add({.name = "district", .parent = "region", .tables = {{.name = "public.document"}}});
  region().sql().exec(kSchema);
  for (const auto& node : tree.nodes()) node->write_config();
  const auto hba = region().cluster().data() / "pg_hba.conf";
  write_file(hba, "local all postgres peer map=admins\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n");
  write_file(region().cluster().data() / "pg_ident.conf", "admins postgres postgres\nadmins nobody postgres\n");
  region().sql().exec("SELECT pg_reload_conf()");
  const auto before = database_catalogue(region().sql());
  const auto cluster_before = cluster_catalogue(region().sql());

  const std::string program = tributary_program().string();
  const std::string config = region().agent().config_file().string();
  const std::string as_postgres = region().cluster().socket_conninfo("app", "postgres");
  Command by_root, by_service, by_psql, removing;
  removing.words = {program, "remove", "--yes", "-c", config};
  by_root.words = {program, "init", "-c", config};
  by_service.words = {program, "init", "-c", config, "--connect", as_postgres};
  by_service.user = "nobody";
  by_psql.words = {"bash", "-c",
                   "'" + program + "' init --dry-run -c '" + config + "' --connect '" +
                       region().cluster().conninfo("app") + "' | " + (postgres_programs() / "psql").string() +
                       " -X -d '" + region().cluster().conninfo("app") + "'"};
  std::set<std::string> database, cluster;
  std::string undo;
  for (const Command* way : {&by_root, &by_service, &by_psql}) {
    SCOPED_TRACE(testing::PrintToString(way->words));
    const std::string output = run_or_throw(*way, std::chrono::minutes(2));
    if (way != &by_psql) {
      EXPECT_THAT(output, AllOf(HasSubstr("pg_hba.conf must let tributary into the database app"),
                                Not(ContainsRegex("host +replication"))));
    }
    const std::string recorded =
        table_text(region().sql(), "SELECT kind, object, made, role, former FROM tributary.undo ORDER BY 1, 2, 3, 4");
    if (way == &by_root) {
      database = database_catalogue(region().sql());
      cluster = cluster_catalogue(region().sql());
      undo = recorded;
      EXPECT_EQ(region().sql().value("SELECT rolcanlogin::text || rolreplication || rolsuper FROM pg_roles WHERE "
                                     "rolname = 'tributary'"),
                "truetruefalse");
    }
    EXPECT_EQ(difference(database, database_catalogue(region().sql())), "");
    EXPECT_EQ(difference(cluster, cluster_catalogue(region().sql())), "");
    EXPECT_EQ(recorded, undo);
    EXPECT_THAT(run_or_throw(by_root), Not(HasSubstr("CREATE")));
    run_or_throw(removing);
    EXPECT_EQ(difference(before, database_catalogue(region().sql())), "");
    EXPECT_EQ(difference(cluster_before, cluster_catalogue(region().sql())), "");
  }
}

// Not the time that a write takes, which is the machine's, but how long it waited for a lock.
TEST_F(InitTest, no_writer_waits_for_a_lock_longer_than_a_moment) {
  make(kSchema, {{.name = "public.document", .where = "approved"}, {.name = "public.report", .where = "approved"}});
  region().sql().exec(
      "INSERT INTO document SELECT n, false, 't', repeat('b', 3000) FROM generate_series(1, 2000) n;"
      "INSERT INTO report SELECT n, '2024-05-05', false FROM generate_series(1, 2000) n");
  const std::string conninfo = region().cluster().conninfo("app");
  std::atomic<bool> is_done = false;
  std::atomic<int> writes = 0;
  std::vector<std::thread> writers;
  for (int number = 1; number <= 3; ++number)
    writers.emplace_back([&, number] {
      Sql sql(conninfo);
      sql.exec("SET application_name = 'writer'");
      for (int i = number; !is_done; i = i % 1990 + 3, ++writes)
        sql.exec("UPDATE document SET approved = NOT approved WHERE id = $1", {std::to_string(i)}),
            sql.exec("UPDATE report SET approved = NOT approved WHERE id = $1", {std::to_string(i)});
    });
  // A long transaction that wrote is what building an index waits for; one that only read holds locks as well.
  Sql long_one(conninfo);
  long_one.exec(
      "SET application_name = 'long one'; BEGIN; UPDATE document SET title = 'x' WHERE id = 1;"
      "UPDATE report SET approved = true WHERE id = 1");

  double longest = 0;
  std::thread watcher([&] {
    Sql sql(conninfo);
    while (!is_done) {
      const std::string waited = sql.value(
          "SELECT max(extract(epoch FROM clock_timestamp() - l.waitstart)) FROM pg_locks l"
          " JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND l.locktype = 'relation'"
          " AND a.application_name = 'writer'");
      if (!waited.empty()) longest = std::max(longest, std::stod(waited));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  std::string output;
  std::thread init([&] {
    output = region().agent().command({"init", "--connect", conninfo}, std::chrono::minutes(5)).output;
  });
  Sql sql(conninfo);
  const auto expect_writers_go_on_while = [&](const std::string& init_does) {
    try {
      wait_until(
          "init waits",
          [&] {
            return sql.number(
                       "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tributary init%' AND " +
                       init_does) > 0;
          },
          std::chrono::seconds(60));
      for (int times = 0; times < 3; ++times) {
        const int before = writes;
        std::this_thread::sleep_for(std::chrono::seconds(1));
        wait_until(
            "writers go on", [&] { return writes > before; }, std::chrono::seconds(60));
      }
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << ": " << init_does;
    }
  };
  expect_writers_go_on_while("query ~ 'CREATE UNIQUE INDEX CONCURRENTLY' AND wait_event_type = 'Lock'");
  long_one.exec("COMMIT; BEGIN; SELECT FROM document, report LIMIT 1");
  expect_writers_go_on_while("state = 'idle' AND clock_timestamp() - state_change > '300ms'");
  long_one.exec("COMMIT");
  init.join();
  is_done = true;
  for (std::thread& writer : writers) writer.join();
  watcher.join();
  EXPECT_THAT(output, AllOf(HasSubstr("(long one) in a transaction for"), HasSubstr("writers pass in between")));
  EXPECT_EQ(identity("document"), "i");
  EXPECT_EQ(identity("report_24"), "i");
  EXPECT_LT(longest, 0.9) << "seconds for which a writer waited for a table's lock";
}

TEST_F(InitTest, a_filter_column_without_a_bound_never_makes_an_insert_fail) {
  make("CREATE TABLE note (id int PRIMARY KEY, status text NOT NULL, body text)",
       {{.name = "public.note", .where = "status = 'approved'"}});
  region().sql().exec(
      "CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql VOLATILE AS $$"
      "  SELECT substr(string_agg(md5(random()::text), ''), 1, bytes) FROM generate_series(0, bytes / 32) $$;"
      "INSERT INTO note SELECT n, 'draft', noise(4000) FROM generate_series(1, 1000) n; ANALYZE note");
  const std::string output = region().init();
  EXPECT_EQ(identity("note"), "f");
  EXPECT_THAT(output, HasSubstr(R"(ALTER TABLE "public"."note" ADD CHECK (length("status") <= 64))"));
  std::smatch bytes;
  ASSERT_TRUE(std::regex_search(output, bytes, std::regex("REPLICA IDENTITY FULL: .*, (\\d+) bytes on average")));
  EXPECT_GT(std::stoi(bytes[1]), 4000);
  EXPECT_LT(std::stoi(bytes[1]), 10000);
  region().sql().exec("INSERT INTO note VALUES (5000, noise(100000), 'b')");

  // What it advised is enough, and the FULL that it made is given up.
  region().sql().exec(R"(DELETE FROM note WHERE id = 5000; ALTER TABLE note ADD CHECK (length("status") <= 64))");
  const std::string bounded = region().init();
  EXPECT_EQ(identity("note"), "i");
  EXPECT_THAT(bounded, HasSubstr("The CHECK that bounds status of public.note"));
  region().sql().exec(
      "INSERT INTO note VALUES (5001, (SELECT string_agg(chr(128512 + n), '') FROM generate_series(1, 64) n), 'b')");

  // An attempt to build the index that was broken off is noticed.
  const std::string index = region().sql().value("SELECT identity_index FROM tributary.published");
  region().sql().exec(
      "DROP PUBLICATION tributary_region; ALTER TABLE note REPLICA IDENTITY DEFAULT;"
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '" +
      index + "'::regclass");
  EXPECT_THAT(region().init(), AllOf(HasSubstr("DROP INDEX CONCURRENTLY"), HasSubstr("CREATE UNIQUE INDEX")));
  EXPECT_EQ(identity("note"), "i");
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0);

  // Without the CHECK the index would be a danger again.
  region().sql().exec("ALTER TABLE note DROP CONSTRAINT note_status_check");
  region().init();
  EXPECT_EQ(identity("note"), "f");
  region().sql().exec("INSERT INTO note VALUES (5002, noise(100000), 'b')");
}

TEST_F(InitTest, which_columns_have_a_bound) {
  make(R"(
      CREATE TYPE state AS ENUM ('draft', 'approved');
      CREATE DOMAIN word AS text CHECK (char_length(VALUE) <= 20);
      CREATE TABLE by_enum (id bigint PRIMARY KEY, c state NOT NULL);
      CREATE TABLE by_char (id uuid PRIMARY KEY, c varchar(30) NOT NULL);
      CREATE TABLE by_list (id int PRIMARY KEY, c text NOT NULL CHECK (c IN ('draft', 'approved')));
      CREATE TABLE by_domain (id int PRIMARY KEY, c word NOT NULL);
      CREATE TABLE by_text_key (id text PRIMARY KEY, c boolean NOT NULL);
      CREATE TABLE by_short_key (id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 36), c boolean NOT NULL);
      CREATE TABLE by_wide (id int PRIMARY KEY, c varchar(700) NOT NULL);
      CREATE TABLE by_unvalidated (id int PRIMARY KEY, c text NOT NULL);
      ALTER TABLE by_unvalidated ADD CHECK (length(c) <= 10) NOT VALID;
      CREATE TABLE by_either (id int PRIMARY KEY, c text NOT NULL CHECK (length(c) <= 10 OR c LIKE 'x%'));
      CREATE TABLE by_number (id numeric(10) PRIMARY KEY, c date NOT NULL))",
       {{.name = "public.by_enum", .where = "c = 'approved'"},
        {.name = "public.by_char", .where = "c = 'approved'"},
        {.name = "public.by_list", .where = "c = 'approved'"},
        {.name = "public.by_domain", .where = "c = 'approved'"},
        {.name = "public.by_text_key", .where = "c"},
        {.name = "public.by_short_key", .where = "c"},
        {.name = "public.by_wide", .where = "c = 'approved'"},
        {.name = "public.by_unvalidated", .where = "c = 'approved'"},
        {.name = "public.by_either", .where = "c = 'approved'"},
        {.name = "public.by_number", .where = "c > '2024-01-01'"}});
  region().init();
  for (const char* table : {"by_enum", "by_char", "by_list", "by_domain", "by_short_key", "by_number"})
    EXPECT_EQ(identity(table), "i") << table;
  for (const char* table : {"by_text_key", "by_wide", "by_unvalidated", "by_either"})
    EXPECT_EQ(identity(table), "f") << table;
}

TEST_F(InitTest, it_says_which_ddl_postgresql_refuses_later_and_the_way_around_works) {
  make("CREATE TABLE note (id int PRIMARY KEY, status varchar(20) NOT NULL, body text)",
       {{.name = "public.note", .where = "status = 'approved'"}});
  const std::string output = region().init();
  std::smatch around;
  ASSERT_TRUE(
      std::regex_search(output, around, std::regex("(BEGIN; ALTER PUBLICATION .*) ALTER TABLE \\.\\.\\.; COMMIT")))
      << output;
  for (const char* ddl :
       {"ALTER COLUMN status TYPE varchar(40)", "DROP COLUMN status", "ALTER COLUMN status DROP NOT NULL"}) {
    SCOPED_TRACE(ddl);
    const std::string statement = std::string("ALTER TABLE note ") + ddl;
    EXPECT_THROW(region().sql().exec(statement), SqlError);
    EXPECT_NO_THROW(region().sql().exec(around[1].str() + statement + "; ROLLBACK"));
  }
  region().sql().exec(around[1].str() + "ALTER TABLE note ALTER COLUMN status TYPE varchar(40); COMMIT");
  region().init();
  EXPECT_EQ(identity("note"), "i");
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM pg_publication_rel"), 1);
  region().sql().exec("INSERT INTO note VALUES (1, 'draft', 'b'); UPDATE note SET status = 'approved'");
}

// The same writes into two databases, one of which has tributary for a while.
TEST_F(InitTest, the_application_s_database_differs_in_nothing_but_its_own_writes) {
  const std::string schema = std::string(kSchema) +
                             "CREATE TABLE loose (id int PRIMARY KEY, status text, at timestamptz);"
                             "CREATE INDEX ON document (title)";
  make(schema, {{.name = "public.document", .where = "approved"},
                {.name = "public.report", .where = "approved"},
                {.name = "public.loose", .where = "status = 'approved'"}});
  region().cluster().create_database("twin");
  Sql twin = region().cluster().connect("twin");
  twin.exec(schema);
  const auto write = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string n = std::to_string(i), old = std::to_string(i / 2);
      const std::string writes =
          "BEGIN; INSERT INTO document VALUES (" + n + ", " + (i % 3 ? "false" : "true") + ", 't" + n +
          "', repeat(md5('" + n + "'), 200)); UPDATE document SET approved = NOT approved WHERE id = " + old +
          "; UPDATE document SET title = title || 'x' WHERE id = " + n + "; INSERT INTO report VALUES (" + n +
          ", '2025-03-03', " + (i % 2 ? "true" : "false") + "); DELETE FROM report WHERE id = " + old +
          " AND id % 5 = 0; INSERT INTO loose VALUES (" + n + ", " + (i % 4 ? "'approved'" : "NULL") +
          ", '2024-01-01'); UPDATE loose SET id = -id WHERE id = " + old + "; COMMIT";
      region().sql().exec(writes);
      twin.exec(writes);
    }
  };
  const auto dump = [&](const std::string& database) {
    Command pg_dump;
    pg_dump.words = {(postgres_programs() / "pg_dump").string(), "-d", region().cluster().conninfo(database)};
    std::istringstream text(run_or_throw(pg_dump));
    std::multiset<std::string> lines;  // rows have no order
    for (std::string line; std::getline(text, line);)
      if (!line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")) lines.insert(line);
    return lines;
  };
  write(1, 100);
  ASSERT_EQ(dump("app"), dump("twin"));
  tree.start();
  write(100, 600);
  tree.expect_equal();
  region().agent().stop();
  const Outcome removed =
      region().agent().command({"remove", "--yes", "--connect", region().cluster().conninfo("app")});
  ASSERT_EQ(removed.exit_code, 0) << removed.output;
  write(600, 650);
  EXPECT_EQ(dump("app"), dump("twin"));
  EXPECT_EQ(difference(database_catalogue(twin), database_catalogue(region().sql())), "");
}

}  // namespace
}  // namespace tributary::test
