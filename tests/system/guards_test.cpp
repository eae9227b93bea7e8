// Somebody alters what is published while the agents run: no draft leaves, nothing is silently missing, `init` puts it
// right, and it goes on by itself.
#include "system/guards_fixture.h"

namespace tributary::test {
namespace {

const std::string kAlter = "ALTER PUBLICATION tributary_district ";

TEST_F(GuardsTest, a_publication_without_the_row_filter) {
  start();
  district().sql().exec(kAlter + "SET TABLE document, entry");
  expect_table_held("not published as the configuration has it");
  district().init();
  expect_well_again();
}

// What was decoded and not read yet: the catalogue shows nothing of it any more.
TEST_F(GuardsTest, a_publication_that_was_altered_and_put_right_before_anybody_looked) {
  start();
  const std::string stream = region().sql().value("SELECT stream FROM tributary.applied");
  district().agent().freeze();
  district().sql().exec(kAlter + "SET TABLE document, entry");
  application().let_write();
  district().sql().exec(kAlter + "SET TABLE ONLY document WHERE (id > 'x'), ONLY entry");
  application().let_write();
  district().sql().exec(kAlter + "SET TABLE ONLY document WHERE (status = 'approved'), ONLY entry");
  application().let_write();
  district().agent().unfreeze();
  wait_until("a new stream begins",
             [&] { return region().sql().value("SELECT stream FROM tributary.applied") != stream; });
  expect_well_again();
}

// A commit can be decoded long before anybody sees it.
TEST_F(GuardsTest, an_alteration_that_is_decoded_before_it_is_visible) {
  start();
  const auto wait_for_standby = [&](const std::string& name) {
    district().sql().exec("SET synchronous_commit = local");
    district().sql().exec("ALTER SYSTEM SET synchronous_standby_names = '" + name + "'");
    district().sql().exec("SELECT pg_reload_conf()");
  };
  wait_for_standby("nobody");
  std::thread alter([&] {
    Sql sql(district().cluster().conninfo("app"));
    wait_until("the standby is waited for", [&] { return sql.value("SHOW synchronous_standby_names") == "nobody"; });
    sql.exec(kAlter + "SET TABLE document, entry");
  });
  wait_until("it waits", [&] {
    return district().sql().number("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") > 0;
  });
  const auto before = entries_at_region();
  application().let_write(30);
  wait_until("what was written meanwhile arrives", [&] { return entries_at_region() > before + 20; });
  EXPECT_TRUE(notice_of(district(), kTable).message().empty()) << "nobody can see it yet";
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM came"), 0);
  wait_for_standby("");
  alter.join();
  expect_table_held("not published as the configuration has it");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, a_filter_that_was_loosened) {
  start();
  district().sql().exec(kAlter + "SET TABLE document WHERE (status <> ''), entry");
  expect_table_held("not published as the configuration has it");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, a_filter_that_was_tightened) {
  start();
  district().sql().exec(kAlter + "SET TABLE document WHERE (status = 'approved' AND id LIKE '%7%'), entry");
  expect_table_held("not published as the configuration has it");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, a_column_list) {
  start();
  district().sql().exec(kAlter + "SET TABLE document (id, status) WHERE (status = 'approved'), entry");
  expect_table_held("column body of table public.document is not published");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, a_publication_that_was_dropped_and_made_again) {
  start();
  district().sql().exec("DROP PUBLICATION tributary_district");
  expect_capture_held("has no publication tributary_district");
  district().sql().exec(
      "CREATE PUBLICATION tributary_district FOR TABLE document, entry "
      "WITH (publish_via_partition_root = true)");
  expect_table_held("not published as the configuration has it");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, operations_that_are_not_published) {
  start();
  district().sql().exec(kAlter + "SET (publish = 'insert')");
  expect_capture_held("does not hold every operation");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, whole_schemas_that_are_published) {
  start();
  district().sql().exec(kAlter + "ADD TABLES IN SCHEMA public");
  expect_capture_held("holds whole schemas");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, a_table_that_was_taken_out) {
  start();
  district().sql().exec(kAlter + "DROP TABLE document");
  expect_table_held("table public.document is not published");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, a_table_that_was_dropped_and_made_again) {
  start();
  district().sql().exec("DROP TABLE document");
  expect_table_held("there is no table public.document", "make the table");
  district().sql().exec(
      "CREATE TABLE document (id text PRIMARY KEY, body text, status varchar(20) NOT NULL); "
      "INSERT INTO document VALUES ('paper-new', 'paper', 'approved'), ('draft-new', 'draft', 'draft')");
  expect_table_held("table public.document is not published");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, a_table_that_was_swapped_by_its_name) {
  start();
  district().sql().exec(
      "BEGIN; ALTER TABLE document RENAME TO former; "
      "CREATE TABLE document (LIKE former INCLUDING ALL); "
      "INSERT INTO document SELECT id, body, status FROM former WHERE id NOT LIKE '%3'; COMMIT; "
      "INSERT INTO former VALUES ('paper-former', 'draft', 'approved')");
  expect_table_held("table public.document is not published");
  district().sql().exec("INSERT INTO former VALUES ('paper-former-2', 'draft', 'approved')");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, a_table_that_was_restored_from_a_dump) {
  start();
  const TempDir files("dump");
  const std::string dump = (files / "document.dump").string(), at = district().cluster().conninfo("app");
  const auto run_program = [](const char* name, std::vector<std::string> words) {
    Command command;
    command.words = std::move(words);
    command.words.insert(command.words.begin(), (postgres_programs() / name).string());
    run_or_throw(command);
  };
  run_program("pg_dump", {"-Fc", "-t", "document", "-f", dump, "-d", at});
  application().let_write();
  run_program("pg_restore", {"--clean", "-d", at, dump});
  application().let_write();
  expect_table_held("table public.document is not published");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, a_filters_column_that_was_dropped) {
  start();
  district().sql().exec("ALTER TABLE document DROP COLUMN status CASCADE");
  expect_table_held("table public.document is not published");
  district().sql().exec(
      "ALTER TABLE document ADD COLUMN status varchar(20) NOT NULL DEFAULT 'approved'; "
      "UPDATE document SET status = 'draft' WHERE id LIKE 'draft%' OR body LIKE 'draft%'");
  district().init();
  expect_well_again();
}

TEST_F(GuardsTest, a_replica_identity_that_was_narrowed) {
  start();
  district().sql().exec("ALTER TABLE document REPLICA IDENTITY DEFAULT");
  expect_table_held("replica identity of public.document does not hold");
  district().init();
  expect_well_again();
}

}  // namespace
}  // namespace tributary::test
