// What a server may refuse its agent while it runs: each time the agent stays, the status says what a person can do,
// the log says it once, and when it is mended everything goes on by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;

constexpr char kApproved[] = "status = 'approved'";

class ServerStatesTest : public testing::Test {
 protected:
  ServerStatesTest() {
    region_ = &tree.add({.name = "region", .cluster = few()});
    district_ = &tree.add({.name = "district",
                           .parent = "region",
                           .tables = {{.name = "public.document", .where = kApproved}},
                           .cluster = few()});
    tree.exec_everywhere("CREATE TABLE document (id int PRIMARY KEY, body text, status varchar(20) NOT NULL)");
    tree.start();
    write();
    tree.expect_equal();
  }
  static ClusterOptions few() {
    ClusterOptions options;
    options.settings = {{"max_connections", "25"}, {"max_replication_slots", "3"}, {"max_wal_senders", "3"}};
    return options;
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  void write() {
    ++number_;
    const std::string first = std::to_string(10 * number_), last = std::to_string(10 * number_ + 9);
    district().sql().exec(
        "INSERT INTO document SELECT n, 'body', CASE n % 2 WHEN 0 THEN 'draft' ELSE 'approved' END"
        " FROM generate_series(" +
        first + ", " + last + ") n");
  }
  static std::string words_of(const status::NodeStatus& status) {
    std::string words;
    for (const status::Notice& notice : status.notices())
      if (notice.health() != status::OK)
        words += notice.subject() + ": " + notice.message() + " [" + notice.hint() + "]\n";
    return words;
  }
  // The status of `node` says both, and goes on saying it while the agent tries again.
  void expect_said(Node& node, const std::string& message, const std::string& mend) {
    const size_t lines_before = lines(node);
    try {
      wait_until(node.name() + " says: " + message + " / " + mend, [&] {
        const std::string words = words_of(node.agent().status());
        return words.find(message) != std::string::npos && words.find(mend) != std::string::npos;
      });
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << "\n" << words_of(node.agent().status()) << tree.logs();
    }
    EXPECT_TRUE(node.agent().is_running());
    EXPECT_LT(lines(node), lines_before + 12) << node.agent().log();
  }
  static size_t lines(Node& node) {
    const std::string log = node.agent().log();
    return static_cast<size_t>(std::count(log.begin(), log.end(), '\n'));
  }
  // Whatever was mended: without a restart of an agent.
  void expect_well_again() {
    write();
    tree.expect_equal();
    for (Node* node : {&region(), &district()}) {
      try {
        wait_until(node->name() + " has nothing to say", [&] { return words_of(node->agent().status()).empty(); });
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what() << "\n" << words_of(node->agent().status());
      }
    }
  }
  static void set(Node& node, const std::string& setting, const std::string& value) {
    node.sql().exec("ALTER SYSTEM SET " + setting + " = " + value);
  }
  static void restart(Node& node) {
    node.cluster().stop_fast();
    node.cluster().start();
  }
  // The agent's sessions, those of the log's reading included, are ended by the server.
  static void end_sessions(Node& node) {
    node.sql().rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tributary'");
  }
  std::string edit_hba(Node& node, const std::string& line) {
    const auto file = node.cluster().data() / "pg_hba.conf";
    const std::string before = read_file(file);
    write_file(file, line + "\n" + before);
    node.sql().rows("SELECT pg_reload_conf()");
    return before;
  }
  void restore_hba(Node& node, const std::string& before) {
    write_file(node.cluster().data() / "pg_hba.conf", before);
    node.sql().rows("SELECT pg_reload_conf()");
  }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
  int number_ = 0;
};

TEST_F(ServerStatesTest, a_log_that_is_not_logical) {
  // With its slot a server does not even start at a lower level.
  district().agent().stop();
  district().sql().rows("SELECT pg_drop_replication_slot('tributary_district')");
  set(district(), "wal_level", "replica");
  restart(district());
  district().agent().start();
  expect_said(district(), "wal_level", "ALTER SYSTEM SET wal_level = 'logical'");
  write();
  set(district(), "wal_level", "logical");
  restart(district());
  expect_well_again();
}

TEST_F(ServerStatesTest, no_replication_slot_left) {
  district().agent().stop();
  district().sql().rows("SELECT pg_drop_replication_slot('tributary_district')");
  for (const char* name : {"a", "b", "c"})
    district().sql().rows("SELECT pg_create_physical_replication_slot($1)", {name});
  district().agent().start();
  expect_said(district(), "no replication slot left", "pg_drop_replication_slot");
  write();
  district().sql().rows("SELECT pg_drop_replication_slot('b')");
  expect_well_again();
}

TEST_F(ServerStatesTest, no_wal_sender_left) {
  std::vector<std::unique_ptr<Sql>> others;
  end_sessions(district());
  for (int i = 0; i < 500 && others.size() < 3; ++i) {
    try {
      others.push_back(std::make_unique<Sql>(district().cluster().conninfo("app") + " replication=database"));
    } catch (const SqlError&) {
      end_sessions(district());
    }
  }
  ASSERT_EQ(others.size(), 3U);
  expect_said(district(), "max_wal_senders", "pg_stat_replication shows who has them");
  write();
  others.clear();
  expect_well_again();
}

TEST_F(ServerStatesTest, a_line_of_pg_hba_that_is_gone) {
  for (Node* node : {&district(), &region()}) {
    const std::string before = edit_hba(*node, "host all tributary all reject\nlocal all tributary reject");
    end_sessions(*node);
    expect_said(*node, "pg_hba.conf", "add to pg_hba.conf");
    write();
    restore_hba(*node, before);
    expect_well_again();
  }
}

TEST_F(ServerStatesTest, a_password_that_was_changed) {
  for (Node* node : {&district(), &region()}) {
    const std::string before = edit_hba(*node, "host all tributary all scram-sha-256");
    node->sql().exec("ALTER ROLE tributary PASSWORD 'another'");
    end_sessions(*node);
    expect_said(*node, "password", "check the password of the role");
    write();
    restore_hba(*node, before);
    expect_well_again();
  }
}

TEST_F(ServerStatesTest, all_connections_in_use) {
  for (Node* node : {&district(), &region()}) {
    node->sql();
    std::vector<std::unique_ptr<Sql>> others;
    end_sessions(*node);
    for (int i = 0, refused = 0; i < 500 && refused < 20; ++i) {
      try {
        others.push_back(std::make_unique<Sql>(node->cluster().conninfo("app")));
      } catch (const SqlError&) {
        ++refused;
        end_sessions(*node);
      }
    }
    expect_said(*node, "PostgreSQL", "max_connections");
    others.clear();
    expect_well_again();
  }
}

TEST_F(ServerStatesTest, replication_that_is_no_longer_allowed) {
  district().sql().exec("ALTER ROLE tributary NOREPLICATION");
  end_sessions(district());
  expect_said(district(), "replication", "ALTER ROLE");
  write();
  district().sql().exec("ALTER ROLE tributary REPLICATION");
  expect_well_again();
}

TEST_F(ServerStatesTest, reading_a_table_that_is_no_longer_granted) {
  district().sql().exec(
      "REVOKE ALL ON document FROM tributary; REVOKE SELECT (id, body, status) ON document FROM "
      "tributary");
  write();
  tree.expect_equal();  // the log is read all the same
  EXPECT_NE(district().agent().command({"verify", "--repair"}).exit_code, 0);
  expect_said(district(), "permission denied for table document", "tributary init");
  district().init();
  wait_until("it is read again", [&] { return district().agent().command({"verify"}).exit_code == 0; });
  expect_well_again();
}

TEST_F(ServerStatesTest, the_agents_own_tables_that_are_no_longer_granted) {
  district().sql().exec("REVOKE ALL ON ALL TABLES IN SCHEMA tributary FROM tributary");
  end_sessions(district());
  expect_said(district(), "permission denied", "tributary init");
  write();
  district().init();
  expect_well_again();
}

TEST_F(ServerStatesTest, writing_that_is_no_longer_granted) {
  region().sql().exec("REVOKE INSERT, UPDATE, DELETE ON document FROM tributary");
  write();
  expect_said(region(), "document", "tributary init");
  expect_said(district(), "document", "tributary init");
  region().init();
  expect_well_again();
}

TEST_F(ServerStatesTest, the_replica_role_that_is_no_longer_granted) {
  region().sql().exec("REVOKE SET ON PARAMETER session_replication_role FROM tributary");
  end_sessions(region());
  write();
  expect_said(region(), "may not write as a replica", "tributary init");
  region().init();
  expect_well_again();
}

TEST_F(ServerStatesTest, the_applied_position_that_may_not_be_written) {
  region().sql().exec("REVOKE ALL ON ALL TABLES IN SCHEMA tributary FROM tributary");
  end_sessions(region());
  write();
  expect_said(region(), "permission denied", "tributary init");
  region().init();
  expect_well_again();
}

// Changes come out of the log whatever policies say; what reads the table itself must not see a part of it.
TEST_F(ServerStatesTest, row_level_security_at_the_child) {
  district().sql().exec(
      "ALTER TABLE document ENABLE ROW LEVEL SECURITY; CREATE POLICY odd ON document USING (id % 3 = 0)");
  write();
  tree.expect_equal();
  EXPECT_NE(district().agent().command({"verify", "--repair"}).exit_code, 0);
  expect_said(district(), "row-level security", "BYPASSRLS");
  // A new stream can begin, too.
  district().agent().stop();
  district().sql().rows("SELECT pg_drop_replication_slot('tributary_district')");
  write();
  district().agent().start();
  expect_said(district(), "row-level security", "BYPASSRLS");
  const auto before = region().sql().number("SELECT count(*) FROM document");
  write();
  wait_until("changes go on", [&] { return region().sql().number("SELECT count(*) FROM document") >= before + 5; });
  district().sql().exec("ALTER ROLE tributary BYPASSRLS");
  expect_well_again();
}

TEST_F(ServerStatesTest, row_level_security_at_the_parent) {
  region().sql().exec(
      "ALTER TABLE document ENABLE ROW LEVEL SECURITY; CREATE POLICY odd ON document USING (id % 3 = 0)");
  write();
  expect_said(region(), "row-level security", "BYPASSRLS");
  expect_said(district(), "row-level security", "BYPASSRLS");
  region().sql().exec("ALTER ROLE tributary BYPASSRLS");
  expect_well_again();
}

}  // namespace
}  // namespace tributary::test
