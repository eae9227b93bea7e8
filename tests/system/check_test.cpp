// What `check` says of a node's server and of what the node sends, and that a running agent takes no notice.
#include <filesystem>

#include "system/check_fixture.h"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class SoundCheckTest : public CheckTest {
 protected:
  SoundCheckTest() : CheckTest(sound()) {}
};

TEST_F(SoundCheckTest, two_nodes_that_work_have_nothing_to_mend_and_go_on) {
  tree.start();
  tree.expect_equal();
  const auto since = district().agent().status().uplink().connected_since();
  EXPECT_THAT(troubles(district(), {}), IsEmpty());
  EXPECT_THAT(troubles(region(), {}), IsEmpty());
  const auto said = facts_that_are_well(district(), {});
  EXPECT_THAT(said, Contains(HasSubstr("region answers at 127.0.0.1:")));
  EXPECT_THAT(said, Contains(HasSubstr("the running agent is connected to region")));
  EXPECT_THAT(said, Contains("this machine's clock and that of region agree"));
  EXPECT_THAT(said, Contains(HasSubstr("its row filter evaluated by the publication")));
  EXPECT_THAT(facts_that_are_well(district()), Not(Contains(HasSubstr("answers at"))));

  district().sql().exec("INSERT INTO note (status) VALUES ('approved')");
  tree.expect_equal();
  EXPECT_EQ(district().agent().status().uplink().connected_since(), since) << "the same session";
  EXPECT_EQ(district().sql().number("SELECT count(*) FROM pg_replication_slots"), 1);

  const Outcome text = district().agent().command({"check"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.output, StartsWith("server\n  ok       PostgreSQL 1"));
  EXPECT_THAT(text.output, HasSubstr("\nlink to the parent\n  ok "));
  EXPECT_THAT(text.output, testing::EndsWith(" checks: 0 stop, 0 warnings\n"));
}

TEST_F(SoundCheckTest, before_the_parent_exists_there_is_a_warning) {
  district().edit().is_relayed = false;
  tree.init();
  EXPECT_THAT(troubles(district(), {}), ElementsAre(AllOf(StartsWith("WARNING cannot connect to region at 127.0.0.1:"),
                                                          HasSubstr("-> nothing, if the parent does not run yet"))));
}

TEST_F(SoundCheckTest, without_a_database_the_rest_is_looked_at) {
  tree.init();
  district().cluster().stop_fast();
  EXPECT_THAT(troubles(district()),
              ElementsAre(AllOf(StartsWith("STOPS cannot connect to PostgreSQL"), HasSubstr("Connection refused"),
                                HasSubstr("-> does PostgreSQL run"))));
  EXPECT_THAT(facts_that_are_well(district()), Contains(HasSubstr("district.pem is valid for 729 days")));
}

TEST_F(SoundCheckTest, a_database_that_is_not_prepared_says_so) {
  for (const auto& node : tree.nodes()) node->write_config();
  EXPECT_THAT(troubles(district()),
              ElementsAre(AllOf(HasSubstr("role \"tributary\" does not exist"), HasSubstr("tributary init"))));
  district().sql().exec("CREATE ROLE tributary LOGIN");
  EXPECT_THAT(troubles(district()),
              ElementsAre(StartsWith("STOPS the role tributary may not read the write-ahead log -> ALTER ROLE "
                                     "tributary REPLICATION"),
                          StartsWith("STOPS the database is not prepared for this node -> tributary init")));
  district().init();
  EXPECT_THAT(troubles(district()), IsEmpty());
}

TEST_F(SoundCheckTest, a_server_that_turns_the_role_away) {
  tree.init();
  const auto hba = district().cluster().data() / "pg_hba.conf";
  const std::string all = read_file(hba);
  const auto set_hba = [&](const std::string& first) {
    write_file(hba, first + all);
    district().sql().exec("SELECT pg_reload_conf()");
    district().sql().value("SELECT pg_sleep(0.2)");
  };
  set_hba("host all tributary 127.0.0.1/32 reject\n");
  wait_until("it is rejected", [&] { return !troubles(district()).empty(); });
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(HasSubstr("STOPS"), HasSubstr("pg_hba.conf rejects"),
                                                      HasSubstr("host app tributary 127.0.0.1/32 scram-sha-256"))));
  set_hba("host all tributary 127.0.0.1/32 scram-sha-256\n");
  wait_until("a password is asked for", [&] {
    return !troubles(district()).empty() && troubles(district())[0].find("rejects") == std::string::npos;
  });
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(HasSubstr("STOPS"), HasSubstr("password"),
                                                      HasSubstr("check the password of the role, ~/.pgpass"))));
  set_hba("");
  wait_until("it is let in", [&] { return troubles(district()).empty(); });
}

TEST_F(SoundCheckTest, sessions_that_are_not_to_be_had) {
  tree.init();
  district().sql().exec("ALTER ROLE tributary CONNECTION LIMIT 3");
  EXPECT_THAT(troubles(district()),
              ElementsAre(StartsWith("WARNING the role tributary has room for 3 more sessions, and the agent needs up "
                                     "to 6 -> ALTER ROLE tributary CONNECTION LIMIT 6")));
  district().sql().exec("ALTER ROLE tributary CONNECTION LIMIT 0");
  EXPECT_THAT(troubles(district()),
              ElementsAre(AllOf(HasSubstr("too many connections for role"), HasSubstr("CONNECTION LIMIT"))));
  district().sql().exec("ALTER ROLE tributary CONNECTION LIMIT -1; ALTER DATABASE app CONNECTION LIMIT 2");
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(StartsWith("WARNING the database app has room for 1 more"),
                                                      HasSubstr("ALTER DATABASE app CONNECTION LIMIT 7"))));
  district().sql().exec("ALTER DATABASE app CONNECTION LIMIT -1");
  std::vector<Sql> others;
  const int64_t most = district().sql().number("SELECT current_setting('max_connections')::int - 3");
  while (district().sql().number("SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL") < most - 2)
    others.push_back(district().cluster().connect());
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(StartsWith("WARNING the server (max_connections = 60) has room"),
                                                      HasSubstr("ALTER SYSTEM SET max_connections = 80 (RESTART)"))));
}

TEST_F(SoundCheckTest, a_running_agents_sessions_count_as_room) {
  tree.start();
  district().sql().exec("ALTER ROLE tributary CONNECTION LIMIT 8");
  EXPECT_THAT(troubles(district()), IsEmpty());
}

// With the settings of a fresh server, which the tests' servers have.
TEST_F(CheckTest, settings_of_the_server_that_a_person_should_know) {
  tree.init();
  EXPECT_THAT(troubles(district()),
              ElementsAre("WARNING fsync is off -> ALTER SYSTEM SET fsync = 'on' (RELOAD)",
                          "WARNING full_page_writes is off -> ALTER SYSTEM SET full_page_writes = 'on' (RELOAD)",
                          AllOf(StartsWith("WARNING max_slot_wal_keep_size is -1: no limit -> ALTER SYSTEM SET "
                                           "max_slot_wal_keep_size = '2GB' (RELOAD)"))));
  mend(district(), "ALTER SYSTEM SET fsync = 'on'");
  mend(district(), "ALTER SYSTEM SET full_page_writes = 'on'");
  mend(district(), "ALTER SYSTEM SET max_slot_wal_keep_size = '2GB'");
  wait_until("all is well", [&] { return troubles(district()).empty(); });
}

TEST_F(CheckTest, through_a_socket_the_free_disk_says_how_much_log_may_be_kept) {
  district().edit().uses_socket = true;
  tree.init();
  const auto limit_of = [&] {
    const auto said = troubles(district());
    const auto found = std::find_if(said.begin(), said.end(),
                                    [](const auto& line) { return line.find("keep_size is -1") != std::string::npos; });
    return found == said.end() ? 0 : std::stoull(found->substr(found->find("= '") + 3));
  };
  district().sql().exec("GRANT pg_read_all_settings TO tributary");
  const uint64_t half = std::filesystem::space(district().cluster().data()).available / 2 >> 30;
  EXPECT_NEAR(static_cast<double>(limit_of()), static_cast<double>(half), 2.0 + static_cast<double>(half) / 10);
}

class ReplicaLevelCheckTest : public CheckTest {
 protected:
  static ClusterOptions as_installed() {
    ClusterOptions options = sound();
    options.settings["wal_level"] = "replica";
    options.settings["max_replication_slots"] = "1";
    options.settings["max_wal_senders"] = "0";
    return options;
  }
  ReplicaLevelCheckTest() : CheckTest(as_installed()) {}
};

TEST_F(ReplicaLevelCheckTest, a_server_as_it_was_installed) {
  tree.init();
  district().sql().exec("SELECT pg_create_physical_replication_slot('another')");
  EXPECT_THAT(
      troubles(district()),
      ElementsAre("STOPS wal_level is replica -> ALTER SYSTEM SET wal_level = 'logical' (RESTART)",
                  "STOPS all 1 of max_replication_slots are in use -> ALTER SYSTEM SET max_replication_slots = 6 "
                  "(RESTART)",
                  "STOPS all 0 of max_wal_senders are in use -> ALTER SYSTEM SET max_wal_senders = 5 (RESTART)"));
  for (const char* statement : {"ALTER SYSTEM SET wal_level = 'logical'", "ALTER SYSTEM SET max_replication_slots = 6",
                                "ALTER SYSTEM SET max_wal_senders = 5"})
    district().sql().exec(statement);
  district().cluster().stop_fast();
  district().cluster().start();
  EXPECT_THAT(troubles(district()), IsEmpty());
}

TEST_F(SoundCheckTest, what_a_person_should_know_of_a_table) {
  district().sql().exec(
      "CREATE TABLE counted (id bigserial PRIMARY KEY, is_public boolean);"
      "CREATE TABLE line (note_id uuid REFERENCES note ON DELETE CASCADE, no int, PRIMARY KEY (note_id, no));"
      "CREATE TABLE mark (note_id uuid PRIMARY KEY REFERENCES note ON UPDATE CASCADE ON DELETE SET NULL)");
  district().edit().tables.push_back({.name = "public.counted", .where = "is_public"});
  district().edit().tables.push_back({.name = "public.line"});
  tree.init();
  EXPECT_THAT(
      troubles(district()),
      UnorderedElementsAre(
          AllOf(StartsWith("WARNING the key of public.counted (id) is no UUID"), HasSubstr("gen_random_uuid()")),
          AllOf(StartsWith("WARNING filter column is_public of public.counted may be NULL"),
                HasSubstr("ALTER COLUMN \"is_public\" SET NOT NULL")),
          AllOf(StartsWith("WARNING ON DELETE SET NULL and ON UPDATE CASCADE of mark_note_id_fkey reaches from "
                           "public.note into public.mark, which is not sent"),
                HasSubstr("a [[table]] for public.mark")),
          AllOf(StartsWith("WARNING no row of public.counted meets its filter, is_public"), HasSubstr("`where`")),
          StartsWith("WARNING table public.line has no row -> nothing, if it is to be filled later")));
}

TEST_F(SoundCheckTest, row_level_security_stops_on_both_sides) {
  tree.init();
  tree.exec_everywhere("ALTER TABLE note ENABLE ROW LEVEL SECURITY");
  for (Node* node : {&district(), &region()}) {
    EXPECT_THAT(troubles(*node), ElementsAre(AllOf(HasSubstr("STOPS"), HasSubstr("row-level security"),
                                                   HasSubstr("ALTER ROLE \"tributary\" BYPASSRLS"))));
    node->sql().exec("ALTER ROLE tributary BYPASSRLS");
    EXPECT_THAT(troubles(*node), IsEmpty());
  }
}

TEST_F(CheckTest, an_encoding_that_cannot_hold_everything) {
  Node& old = tree.add({.name = "old", .encoding = "LATIN1"});
  tree.add({.name = "below", .parent = "old", .tables = {{.name = "public.note"}}, .encoding = "LATIN1"});
  Node& bytes = tree.add({.name = "bytes", .encoding = "SQL_ASCII"});
  tree.add({.name = "under", .parent = "bytes", .tables = {{.name = "public.note"}}});
  for (const auto& node : tree.nodes())
    node->sql().exec("CREATE TABLE IF NOT EXISTS note (id uuid PRIMARY KEY, status varchar(20) NOT NULL, body text)");
  tree.init();
  EXPECT_THAT(troubles(old),
              Contains(AllOf(StartsWith("WARNING the database's encoding is LATIN1"), HasSubstr("ENCODING 'UTF8'"))));
  EXPECT_THAT(facts_that_are_well(tree["below"]), Contains("the database's encoding is LATIN1"));
  EXPECT_THAT(troubles(bytes), Contains(StartsWith("WARNING the database's encoding is SQL_ASCII")));
}

TEST_F(SoundCheckTest, a_locked_table_holds_nobody_up) {
  tree.init();
  Sql other = district().cluster().connect("app");
  other.exec("BEGIN; LOCK TABLE note");
  EXPECT_THAT(troubles(district()), ElementsAre(AllOf(HasSubstr("WARNING PostgreSQL: canceling statement due to lock"),
                                                      HasSubstr("tributary check, again"))));
}

}  // namespace
}  // namespace tributary::test
