// Several children at one parent, which shares one database connection between them: what is slow, held or away keeps
// nobody else waiting, and goes on by itself.
#include <gmock/gmock.h>

#include <fstream>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class ChildrenTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    tree_->add({.name = "parent", .intake_tables = "[\"public.report\"]\nconnections = 1"});
    for (const std::string name : {"quick", "slow", "stuck"}) {
      const std::string owned = "district = '" + name + "'";
      tree_->add({.name = name,
                  .parent = "parent",
                  .tables = {{.name = "public.report", .where = "status = 'approved'", .owned = owned}},
                  .owns = "owns = \"" + owned + "\""});
    }
    tree_->exec_everywhere(R"(
      CREATE TABLE report (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), district text NOT NULL, body text,
                           status text NOT NULL DEFAULT 'approved');
      CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql VOLATILE AS $$
        SELECT substr(string_agg(md5(random()::text), ''), 1, bytes) FROM generate_series(0, bytes / 32) $$)");
    tree_->start();
    tree_->expect_equal();
  }
  static void TearDownTestSuite() { tree_.reset(); }

  Node& parent() { return (*tree_)["parent"]; }
  Node& quick() { return (*tree_)["quick"]; }
  Node& slow() { return (*tree_)["slow"]; }
  Node& stuck() { return (*tree_)["stuck"]; }

  static void write(Node& node, const std::string& body) {
    node.sql().exec("INSERT INTO report (district, body) VALUES ($1, $2)", {node.name(), body});
  }
  bool has_arrived(const std::string& body) {
    return parent().sql().number("SELECT count(*) FROM report WHERE body = $1", {body}) > 0;
  }
  // How long a single row takes from a child to its parent.
  std::chrono::milliseconds time_to_parent(Node& node, const std::string& body) {
    const auto began = std::chrono::steady_clock::now();
    write(node, body);
    wait_until(body + " arrives", [&] { return has_arrived(body); });
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  }
  status::Child at_parent(const Node& node) {
    const status::NodeStatus status = parent().agent().status();
    for (const status::Child& child : status.children())
      if (child.node() == node.name()) return child;
    throw std::runtime_error("the parent does not show " + node.name());
  }
  static status::Notice notice_of(Node& node, const std::string& subject) {
    const status::NodeStatus status = node.agent().status();
    for (const status::Notice& notice : status.notices())
      if (notice.subject() == subject) return notice;
    return {};
  }

  static std::unique_ptr<Hierarchy> tree_;
};

std::unique_ptr<Hierarchy> ChildrenTest::tree_;

TEST_F(ChildrenTest, a_slow_and_a_held_child_do_not_delay_the_third) {
  parent().sql().exec("ALTER TABLE report ADD CONSTRAINT no_forgery CHECK (body <> 'forged')");
  slow().link().set_bytes_per_second(30'000);
  slow().sql().exec(
      "INSERT INTO report (district, body) SELECT 'slow', noise(9000 + n * 0) FROM generate_series(1, 300) n");
  write(stuck(), "before");
  write(stuck(), "forged");
  write(stuck(), "behind");
  wait_until("the parent says that it holds the child", [&] { return at_parent(stuck()).state() == "held"; });
  wait_until("the child says so too", [&] { return stuck().agent().status().uplink().state() == "held"; });

  wait_until("the slow child is behind", [&] { return slow().agent().status().queue().batches() > 0; });
  for (int i = 0; i < 20; ++i) EXPECT_LT(time_to_parent(quick(), "single " + std::to_string(i)), 3s);
  EXPECT_GT(slow().agent().status().queue().batches(), 0U);
  EXPECT_EQ(at_parent(quick()).health(), status::OK);
  EXPECT_EQ(at_parent(slow()).health(), status::OK);

  const status::Child held = at_parent(stuck());
  EXPECT_EQ(held.health(), status::HELD);
  EXPECT_THAT(held.message(), HasSubstr("no_forgery"));
  EXPECT_THAT(held.message(), HasSubstr("public.report"));
  EXPECT_THAT(notice_of(parent(), "child stuck").hint(), HasSubstr("constraint"));
  const status::Notice told = notice_of(stuck(), "uplink");
  EXPECT_EQ(told.health(), status::HELD);
  EXPECT_THAT(told.message(), HasSubstr("no_forgery"));
  EXPECT_THAT(told.hint(), HasSubstr("constraint"));
  EXPECT_EQ(notice_of(quick(), "uplink").message(), "");
  EXPECT_TRUE(has_arrived("before"));
  EXPECT_FALSE(has_arrived("behind"));

  // Mended at the parent, nothing is done at the child.
  parent().sql().exec("ALTER TABLE report DROP CONSTRAINT no_forgery");
  wait_until("the held child goes on", [&] { return has_arrived("behind"); });
  slow().link().set_bytes_per_second(0);
  tree_->expect_equal();
  wait_until("the status is clean", [&] {
    return at_parent(stuck()).health() == status::OK && stuck().agent().status().uplink().state() == "connected";
  });
  EXPECT_EQ(notice_of(parent(), "child stuck").message(), "");
  EXPECT_EQ(notice_of(stuck(), "uplink").message(), "");
}

TEST_F(ChildrenTest, a_backlog_takes_turns_with_single_rows) {
  slow().link().cut();
  const int transactions = 600;
  for (int i = 0; i < transactions; ++i)
    slow().sql().exec(
        "INSERT INTO report (district, body) SELECT 'slow', noise(1000 + n * 0) FROM generate_series(1, 50) n");
  const int64_t before = parent().sql().number("SELECT count(*) FROM report");
  slow().link().restore();
  wait_until("the backlog begins to drain",
             [&] { return parent().sql().number("SELECT count(*) FROM report") > before; });
  EXPECT_LT(time_to_parent(quick(), "amid the backlog"), 3s);
  EXPECT_GT(slow().agent().status().queue().batches(), 0U) << "the backlog was gone before anything was measured";
  tree_->expect_equal();
}

TEST_F(ChildrenTest, children_wait_for_the_parents_server_without_hanging_up) {
  const auto connections = [&] { return quick().link().connections_accepted() + slow().link().connections_accepted(); };
  const uint64_t before = connections();
  parent().cluster().stop_fast();
  write(quick(), "during the night");
  write(slow(), "during the night too");
  wait_until("the parent says that children wait",
             [&] { return at_parent(quick()).state() == "waiting" && at_parent(slow()).state() == "waiting"; });
  wait_until("the child says why",
             [&] { return quick().agent().status().uplink().message().find("PostgreSQL") != std::string::npos; });
  parent().cluster().start();
  tree_->expect_equal(30s);
  EXPECT_EQ(connections(), before);
  wait_until("nobody waits any more", [&] { return at_parent(quick()).state() == "connected"; });
}

TEST_F(ChildrenTest, a_child_that_comes_while_the_parents_server_is_away_tries_again_calmly) {
  quick().agent().stop();
  parent().cluster().stop_fast();
  write(quick(), "came at the wrong time");
  const uint64_t before = quick().link().connections_accepted();
  quick().agent().start();
  wait_until("the child is told to wait", [&] {
    try {
      return quick().agent().status().uplink().message().find("not ready") != std::string::npos;
    } catch (const std::runtime_error&) {
      return false;  // it has only begun
    }
  });
  EXPECT_EQ(parent().agent().status().intake().health(), status::OK);
  parent().cluster().start();
  tree_->expect_equal(40s);
  EXPECT_LE(quick().link().connections_accepted() - before, 12U);
}

TEST_F(ChildrenTest, children_wait_while_the_parent_is_a_read_only_standby) {
  const uint64_t before = quick().link().connections_accepted();
  parent().cluster().stop_fast();
  { std::ofstream signal(parent().cluster().data() / "standby.signal"); }
  parent().cluster().start();
  ASSERT_EQ(parent().sql().value("SELECT pg_is_in_recovery()"), "t");
  write(quick(), "to a standby");
  wait_until("the child waits", [&] { return at_parent(quick()).message().find("read-only") != std::string::npos; });
  EXPECT_EQ(at_parent(quick()).state(), "waiting");
  parent().sql().exec("SELECT pg_promote()");
  tree_->expect_equal(30s);
  EXPECT_EQ(quick().link().connections_accepted(), before);
}

}  // namespace
}  // namespace tributary::test
