// Who may talk to whom: one agent for a queue, for a database, for a node's name; and sessions whose other end is gone.
#include <gmock/gmock.h>

#include <regex>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

// `text` with what `pattern` finds replaced; throws when it finds nothing.
std::string replaced(const std::string& text, const std::string& pattern, const std::string& by) {
  const std::regex expression(pattern);
  if (!std::regex_search(text, expression)) throw std::runtime_error("nothing matches " + pattern);
  return std::regex_replace(text, expression, by);
}

class SessionsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    tree_->add({.name = "parent"});
    tree_->add({.name = "child", .parent = "parent", .tables = {{.name = "public.report"}}});
    tree_->exec_everywhere(schema());
    tree_->start();
    tree_->expect_equal();
  }
  static void TearDownTestSuite() { tree_.reset(); }
  static const char* schema() {
    return "CREATE TABLE report (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body text)";
  }

  Node& parent() { return (*tree_)["parent"]; }
  Node& child() { return (*tree_)["child"]; }
  void write(const std::string& body) { child().sql().exec("INSERT INTO report (body) VALUES ($1)", {body}); }
  bool has_arrived(const std::string& body) {
    return parent().sql().number("SELECT count(*) FROM report WHERE body = $1", {body}) > 0;
  }

  // The child's configuration for a second agent beside it.
  std::string other_config() {
    const std::string text = read_file(child().agent().config_file());
    return replaced(text, R"(\[status\]\nlisten = "[^"]*")",
                    "[status]\nlisten = \"127.0.0.1:" + std::to_string(free_port()) + "\"");
  }
  uint16_t intake_port() {
    std::smatch found;
    const std::string text = read_file(parent().agent().config_file());
    std::regex_search(text, found, std::regex(R"(\[intake\]\nlisten = "127.0.0.1:(\d+)\")"));
    return static_cast<uint16_t>(std::stoi(found[1]));
  }
  // The child reaches its parent at these ports from its next start on.
  void set_endpoints(const std::vector<uint16_t>& ports) {
    std::string list;
    for (const uint16_t port : ports)
      list += (list.empty() ? "\"" : ", \"") + ("127.0.0.1:" + std::to_string(port)) + "\"";
    child().agent().write_config(
        replaced(read_file(child().agent().config_file()), R"(endpoints = \[[^\]]*\])", "endpoints = [" + list + "]"));
  }
  static bool is_connected(Agent& agent) {
    try {
      return agent.status().uplink().connected_since() != 0;
    } catch (const std::runtime_error&) {
      return false;  // it has only begun, or has ended
    }
  }
  static void wait_for_log(Agent& agent, const std::string& words) {
    wait_until("the log says: " + words, [&] { return agent.log().find(words) != std::string::npos; });
  }
  std::string words_at_parent() {
    std::string words;
    const status::NodeStatus status = parent().agent().status();
    for (const status::Notice& notice : status.notices()) words += notice.subject() + ": " + notice.message() + "\n";
    return words;
  }

  static std::unique_ptr<Hierarchy> tree_;
};

std::unique_ptr<Hierarchy> SessionsTest::tree_;

TEST_F(SessionsTest, two_agents_never_use_one_queue) {
  Agent second("second");
  second.write_config(replaced(other_config(), R"(path = "queue.db")",
                               "path = \"" + (child().agent().directory() / "queue.db").string() + "\""));
  second.start();
  wait_for_log(second, "the queue is in use: process " + std::to_string(child().agent().pid()));
  write("beside a second agent");
  wait_until("the first one goes on", [&] { return has_arrived("beside a second agent"); });
  EXPECT_EQ(child().agent().status().queue().batches(), 0U);
  second.stop();
  EXPECT_EQ(child().agent().status().node(), "child") << "the first agent's control socket is gone";
}

TEST_F(SessionsTest, two_agents_of_one_name_never_work_on_one_database) {
  Agent second("second");
  second.write_config(other_config());
  second.start();
  wait_for_log(second, "another agent named child works on this database");
  wait_until("its status says so", [&] {
    try {
      return second.status().capture().health() == status::HELD;
    } catch (const std::runtime_error&) {
      return false;
    }
  });
  write("beside a twin");
  wait_until("the first one goes on", [&] { return has_arrived("beside a twin"); });
  child().agent().stop();
  child().agent().start();
  second.stop();
  write("after the twin");
  wait_until("the first one goes on", [&] { return has_arrived("after the twin"); });
}

TEST_F(SessionsTest, a_second_agent_with_a_nodes_name_is_refused_with_both_addresses) {
  Cluster other_server("other-server");
  other_server.create_database("app");
  other_server.connect("app").exec(schema());
  Agent second("second");
  second.write_config(replaced(other_config(), R"(connection = "[^"]*")",
                               "connection = \"" + other_server.conninfo("app", "tributary") + "\""));
  const Outcome init = second.command({"init", "--connect", other_server.conninfo("app")});
  ASSERT_EQ(init.exit_code, 0) << init.output;
  wait_until("the child is connected", [&] { return is_connected(child().agent()); });
  second.start();
  wait_until("it is refused", [&] {
    try {
      return second.status().uplink().state() == "refused";
    } catch (const std::runtime_error&) {
      return false;
    }
  });
  const std::regex both(R"(connected from 127\.0\.0\.1:\d+; this one comes from 127\.0\.0\.1:\d+)");
  const std::string told = second.status().uplink().message();
  EXPECT_TRUE(std::regex_search(told, both)) << told;
  EXPECT_TRUE(std::regex_search(words_at_parent(), both)) << words_at_parent();
  write("beside a rival");
  wait_until("the first one goes on", [&] { return has_arrived("beside a rival"); });
  EXPECT_TRUE(is_connected(child().agent()));
  second.stop();
}

TEST_F(SessionsTest, a_half_open_session_gives_way_to_a_new_one_of_the_same_agent) {
  wait_until("the child is connected", [&] { return is_connected(child().agent()); });
  child().link().hold();  // nobody tells the parent that the session is over
  child().agent().kill();
  LinkProxy other_way(intake_port());
  set_endpoints({other_way.port()});
  const auto began = std::chrono::steady_clock::now();
  child().agent().start();
  write("by another way");
  wait_until("the row arrives", [&] { return has_arrived("by another way"); });
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s) << "as long as it takes to notice a silent peer";
  child().agent().stop();
  child().link().restore();
  child().write_config();
  child().agent().start();
  wait_until("the child is connected", [&] { return is_connected(child().agent()); });
}

TEST_F(SessionsTest, the_endpoint_that_works_is_found_and_kept) {
  child().agent().stop();
  LinkProxy stranger(parent().cluster().port());  // somebody answers who is no agent
  set_endpoints({free_port(), stranger.port(), child().link().port()});
  child().agent().start();
  write("by the last endpoint");
  wait_until("the row arrives", [&] { return has_arrived("by the last endpoint"); });
  EXPECT_EQ(stranger.connections_accepted(), 1U);
  const std::string last = "127.0.0.1:" + std::to_string(child().link().port());
  EXPECT_EQ(child().agent().status().uplink().endpoint(), last);

  child().link().cut();
  child().link().restore();  // before the child tries again
  write("again by the last");
  wait_until("the row arrives", [&] { return has_arrived("again by the last"); });
  EXPECT_EQ(stranger.connections_accepted(), 1U);

  child().link().cut();
  wait_until("the others are tried again", [&] { return stranger.connections_accepted() > 1; });
  child().link().restore();
  write("and again");
  wait_until("the row arrives", [&] { return has_arrived("and again"); });
  child().agent().stop();
  child().write_config();
  child().agent().start();
  wait_until("the child is connected", [&] { return is_connected(child().agent()); });
}

TEST_F(SessionsTest, a_silent_peer_is_noticed_on_both_sides) {
  wait_until("the child is connected", [&] { return is_connected(child().agent()); });
  child().link().hold();
  // More than the sockets on the way can hold, so that the child's sending stands still too.
  child().sql().exec(
      "INSERT INTO report (body) SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 500000) n "
      "GROUP BY n % 1000");
  const auto began = std::chrono::steady_clock::now();
  wait_until(
      "the child notices", [&] { return !is_connected(child().agent()); }, 45s);
  EXPECT_GT(std::chrono::steady_clock::now() - began, 15s) << "a link may be silent for a while";
  EXPECT_LT(std::chrono::steady_clock::now() - began, 35s);
  wait_until(
      "the parent notices", [&] { return parent().agent().status().children(0).connected_since() == 0; }, 10s);
  EXPECT_THAT(parent().agent().status().children(0).message(), HasSubstr("silent for too long"));
  child().link().restore();
  tree_->expect_equal();
}

}  // namespace
}  // namespace tributary::test
