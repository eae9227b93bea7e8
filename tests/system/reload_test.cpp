// A configuration is taken up by agents that run: who joins or leaves concerns nobody else, a file with mistakes
// changes nothing.
#include <gmock/gmock.h>

#include <csignal>
#include <map>

#include "support/hierarchy.h"
#include "system/hand_made_child.h"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

NodeOptions district(const std::string& name) {
  const std::string owned = "district = '" + name + "'";
  return {.name = name,
          .parent = "nation",
          .tables = {{.name = "public.report", .owned = owned}},
          .owns = "owns = \"" + owned + "\""};
}

const char* kSchema = "CREATE TABLE report (id int, district text, body text, PRIMARY KEY (district, id))";

// What replaces `from` in the node's configuration file.
void edit(Node& node, const std::string& from, const std::string& to) {
  std::string text = read_file(node.agent().config_file());
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from << "\n" << text;
  node.agent().write_config(text.replace(at, from.size(), to));
}

Outcome reload(Node& node) {
  return node.agent().command({"reload"});
}

std::optional<status::Child> child_of(Node& parent, const std::string& name) {
  const status::NodeStatus status = parent.agent().status();
  for (const status::Child& child : status.children())
    if (child.node() == name) return child;
  return std::nullopt;
}

status::Notice notice_of(Node& node, const std::string& subject) {
  const status::NodeStatus status = node.agent().status();
  for (const status::Notice& notice : status.notices())
    if (notice.subject() == subject) return notice;
  return {};
}

class ReloadTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    tree_->add({.name = "nation", .intake_tables = "[\"public.*\"]"});
    for (const std::string name : {"a", "b"}) tree_->add(district(name));
    tree_->exec_everywhere(kSchema);
    tree_->start();
    tree_->expect_equal();
  }
  static void TearDownTestSuite() { tree_.reset(); }

  Node& nation() { return (*tree_)["nation"]; }
  Node& a() { return (*tree_)["a"]; }
  Node& b() { return (*tree_)["b"]; }

  static void write(Node& node) {
    node.sql().exec("INSERT INTO report SELECT coalesce(max(id), 0) + 1, '" + node.name() + "', 'text' FROM report");
  }

  // Since when the districts are connected, by both sides, and how often they came.
  std::map<std::string, std::vector<int64_t>> sessions(std::initializer_list<Node*> children) {
    std::map<std::string, std::vector<int64_t>> all;
    for (Node* node : children) {
      const auto child = child_of(nation(), node->name());
      EXPECT_TRUE(child && child->state() == "connected") << node->name() << tree_->logs();
      all[node->name()] = {child ? child->connected_since() : 0, node->agent().status().uplink().connected_since(),
                           static_cast<int64_t>(node->link().connections_accepted())};
    }
    return all;
  }
  void wait_until_connected(Node& node) {
    wait_until(
        node.name() + " is connected",
        [&] {
          const auto child = child_of(nation(), node.name());
          return child && child->state() == "connected" && node.agent().status().uplink().state() == "connected";
        },
        60s);
  }

  static std::unique_ptr<Hierarchy> tree_;
};

std::unique_ptr<Hierarchy> ReloadTest::tree_;

TEST_F(ReloadTest, a_district_joins_and_leaves_while_the_others_sessions_go_on) {
  wait_until_connected(a());
  wait_until_connected(b());
  const auto before = sessions({&a(), &b()});
  const pid_t pid = nation().agent().pid();

  Node& c = tree_->add(district("c"));
  c.sql().exec(kSchema);
  write(c);
  nation().write_config();
  const Outcome joined = reload(nation());
  EXPECT_EQ(joined.exit_code, 0) << joined.output;
  EXPECT_THAT(joined.output, HasSubstr("[[child]] c: added"));
  EXPECT_EQ(child_of(nation(), "c")->state(), "never seen");
  c.write_config();
  c.init();
  c.agent().start();
  wait_until_connected(c);
  tree_->expect_equal();
  EXPECT_EQ(sessions({&a(), &b()}), before);

  // It is taken out: cut off at once, and its rows stay.
  const std::string with_c = read_file(nation().agent().config_file());
  edit(nation(), "[[child]]\nname = \"c\"\nowns = \"district = 'c'\"\n", "");
  const size_t log_begin = c.agent().log().size();
  const Outcome left = reload(nation());
  EXPECT_EQ(left.exit_code, 0) << left.output;
  EXPECT_THAT(left.output, HasSubstr("[[child]] c: removed"));
  wait_until("c hears why", [&] {
    return c.agent().log().find("c is not a child of nation any more (its [[child]] was taken out", log_begin) !=
           std::string::npos;
  });
  wait_until("c is turned away", [&] { return c.agent().status().uplink().state() == "refused"; });
  wait_until("the parent shows it no more", [&] { return !child_of(nation(), "c"); });
  write(c);
  write(a());
  wait_until("a goes on", [&] { return a().difference().empty(); });
  EXPECT_EQ(nation().sql().number("SELECT count(*) FROM report WHERE district = 'c'"), 1);

  // And back again.
  nation().agent().write_config(with_c);
  EXPECT_EQ(reload(nation()).exit_code, 0);
  wait_until_connected(c);
  tree_->expect_equal();
  EXPECT_EQ(sessions({&a(), &b()}), before);
  EXPECT_EQ(nation().agent().pid(), pid);
}

TEST_F(ReloadTest, a_file_with_mistakes_is_refused_as_a_whole) {
  wait_until_connected(a());
  const auto before = sessions({&a(), &b()});
  const std::string right = read_file(nation().agent().config_file());
  const auto lines = std::count(right.begin(), right.end(), '\n');
  nation().agent().write_config(right + "[verify]\nevery = \"soon\"\n[[child]]\nname = \"d\"\nownz = \"x\"\n");
  const Outcome refused = reload(nation());
  EXPECT_EQ(refused.exit_code, 1);
  const auto at_line = [&](int more) { return "tributary.toml:" + std::to_string(lines + more) + ": "; };
  EXPECT_THAT(refused.output, AllOf(HasSubstr("the configuration from before stays in force"), HasSubstr(at_line(2)),
                                    HasSubstr(at_line(5)), HasSubstr("ownz")));
  EXPECT_FALSE(child_of(nation(), "d"));
  const status::Notice notice = notice_of(nation(), "configuration");
  EXPECT_EQ(notice.health(), status::ATTENTION);
  EXPECT_THAT(notice.message(), AllOf(HasSubstr("not loaded"), HasSubstr(at_line(2)), HasSubstr(at_line(5))));
  EXPECT_THAT(nation().agent().log(), HasSubstr("configuration: not loaded"));
  EXPECT_EQ(sessions({&a(), &b()}), before);

  nation().agent().write_config(right);
  ASSERT_EQ(::kill(nation().agent().pid(), SIGHUP), 0);
  wait_until("a good one is loaded", [&] { return notice_of(nation(), "configuration").message().empty(); });
  EXPECT_EQ(sessions({&a(), &b()}), before);
}

TEST_F(ReloadTest, what_only_a_restart_can_change_stays_and_is_named) {
  const std::string right = read_file(a().agent().config_file());
  edit(a(), "path = \"queue.db\"", "path = \"other.db\"");
  edit(a(), "[status]\nlisten = \"", "[status]\nlisten = \"127.0.0.1:1\" #");
  const Outcome outcome = reload(a());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("as before until the agent is restarted: [status], [queue] path"));
  EXPECT_THAT(notice_of(a(), "configuration").message(), HasSubstr("[queue] path"));
  write(a());
  tree_->expect_equal();
  EXPECT_FALSE(std::filesystem::exists(a().agent().directory() / "other.db"));
  a().agent().write_config(right);
  EXPECT_THAT(reload(a()).output, HasSubstr("nothing that is in force changed"));
  EXPECT_EQ(notice_of(a(), "configuration").message(), "");
}

TEST_F(ReloadTest, what_a_child_owns_is_in_force_for_what_comes_next) {
  wait_until_connected(a());
  wait_until_connected(b());
  const auto before = sessions({&b()});
  const std::string right = read_file(nation().agent().config_file());
  edit(nation(), "owns = \"district = 'a'\"", "owns = \"district = 'a' AND body <> 'forbidden'\"");
  EXPECT_THAT(reload(nation()).output, HasSubstr("[[child]] a: changed"));
  wait_until_connected(a());
  a().sql().exec("INSERT INTO report VALUES (1000, 'a', 'forbidden')");
  wait_until("the row is refused", [&] { return child_of(nation(), "a")->state() == "held"; });
  EXPECT_EQ(sessions({&b()}), before);
  nation().agent().write_config(right);
  EXPECT_EQ(reload(nation()).exit_code, 0);
  tree_->expect_equal();
  EXPECT_EQ(sessions({&b()}), before);
}

TEST_F(ReloadTest, a_table_is_sent_once_its_database_is_prepared) {
  const std::string stream = a().agent().status().capture().stream();
  for (Node* node : {&nation(), &a()}) node->sql().exec("CREATE TABLE note (id int PRIMARY KEY, body text)");
  a().sql().exec("INSERT INTO note VALUES (1, 'from before')");
  nation().init();
  a().edit().tables.push_back({.name = "public.note"});
  a().write_config();
  const Outcome refused = reload(a());
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, AllOf(HasSubstr("table public.note is not published"), HasSubstr("tributary init"),
                                    HasSubstr("then reload again")));
  write(a());
  wait_until("the rest flows", [&] {
    return a().sql().value("SELECT max(id) FROM report") ==
           nation().sql().value("SELECT max(id) FROM report WHERE district = 'a'");
  });

  a().init();
  const Outcome outcome = reload(a());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("[[table]] public.note: added"));
  a().sql().exec("INSERT INTO note VALUES (2, 'from now on')");
  write(a());
  tree_->expect_equal();
  EXPECT_EQ(a().agent().status().capture().stream(), stream);

  // Taken out again: the rest goes on, and what the parent has stays.
  a().edit().tables.pop_back();
  a().write_config();
  a().init();
  EXPECT_THAT(reload(a()).output, HasSubstr("[[table]] public.note: removed"));
  a().sql().exec("INSERT INTO note VALUES (3, 'stays here')");
  write(a());
  tree_->expect_equal();
  EXPECT_EQ(nation().sql().number("SELECT count(*) FROM note"), 2);
  EXPECT_EQ(a().agent().status().capture().stream(), stream);
}

TEST_F(ReloadTest, tables_are_compared_as_often_as_the_file_now_says) {
  tree_->expect_equal();
  const std::string right = read_file(a().agent().config_file());
  const auto finished_at = [&] { return a().agent().status().capture().verification().finished_at(); };
  const int64_t before = finished_at();
  a().agent().write_config(right + "[verify]\nevery = \"1s\"\n");
  EXPECT_THAT(reload(a()).output, HasSubstr("[verify]: changed"));
  wait_until(
      "they are compared by themselves", [&] { return finished_at() > before; }, 60s);
  a().agent().write_config(right);
  EXPECT_EQ(reload(a()).exit_code, 0);
}

TEST_F(ReloadTest, a_parent_at_another_address_is_found) {
  wait_until_connected(a());
  const uint64_t before = a().link().connections_accepted();
  a().edit().is_relayed = false;
  a().write_config();
  EXPECT_THAT(reload(a()).output, HasSubstr("[parent]: changed"));
  const std::string address = "127.0.0.1:" + std::to_string(nation().intake_port());
  wait_until("it is connected there", [&] {
    const auto uplink = a().agent().status().uplink();
    return uplink.state() == "connected" && uplink.endpoint() == address;
  });
  a().link().cut();
  write(a());
  tree_->expect_equal();
  EXPECT_EQ(a().link().connections_accepted(), before);

  a().link().restore();
  a().edit().is_relayed = true;
  a().write_config();
  EXPECT_EQ(reload(a()).exit_code, 0);
  wait_until("it is back", [&] { return a().link().connections_accepted() > before; });
  tree_->expect_equal();
}

// The authority is exchanged while both are believed: existing sessions go on, new ones are judged by the new files.
TEST_F(ReloadTest, certificates_are_read_again_for_new_connections) {
  wait_until_connected(a());
  wait_until_connected(b());
  const auto before = sessions({&a(), &b()});
  const TempDir files("other-authority");
  const PemPaths ca{files / "ca.pem", files / "ca.key"}, both{files / "both.pem", ""};
  const PemPaths stranger{files / "a.pem", files / "a.key"};
  make_ca({.common_name = "the next CA"}, ca, Overwrite::refuse);
  make_node_certificate({.node = "a"}, ca, stranger, Overwrite::refuse);
  const auto is_heard = [&] {
    HandMadeChild child(nation().intake_port(), {ca.certificate, stranger.certificate, stranger.key});
    if (child.is_open()) child.send(hello_frame("a", "somebody else"));
    return child.last_words().find("this is nation") != std::string::npos;
  };
  EXPECT_FALSE(is_heard()) << "its authority is not known";

  write_file(both.certificate, read_file(tree_->pki().ca()) + read_file(ca.certificate));
  const std::string right = read_file(nation().agent().config_file());
  edit(nation(), tree_->pki().ca().string(), both.certificate);
  EXPECT_THAT(reload(nation()).output, HasSubstr("[tls]: other files"));
  EXPECT_TRUE(is_heard());

  // A certificate that would let nobody in is refused, and changes nothing.
  edit(nation(), tree_->pki().certificate("nation").string(), stranger.certificate);
  edit(nation(), tree_->pki().key("nation").string(), stranger.key);
  const Outcome refused = reload(nation());
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr("does not bear the node's name, nation"));
  EXPECT_TRUE(is_heard());

  // The same file with other contents.
  nation().agent().write_config(right);
  edit(nation(), tree_->pki().ca().string(), both.certificate);
  EXPECT_EQ(reload(nation()).exit_code, 0);
  write_file(both.certificate, read_file(tree_->pki().ca()));
  EXPECT_TRUE(is_heard()) << "nobody has told the agent";
  EXPECT_EQ(reload(nation()).exit_code, 0);
  EXPECT_FALSE(is_heard());
  EXPECT_EQ(sessions({&a(), &b()}), before);
  nation().agent().write_config(right);
  EXPECT_EQ(reload(nation()).exit_code, 0);
}

// The district's key never leaves it.
TEST_F(ReloadTest, a_district_joins_by_request_sign_and_reload) {
  Node& node = tree_->add(district("district-41"));
  node.sql().exec(kSchema);
  write(node);
  const auto run_pki = [](std::vector<std::string> words) {
    words.insert(words.begin(), {tributary_program().string(), "pki"});
    Command command;
    command.words = std::move(words);
    return run(command);
  };
  // As written by the district's administrator, who has no certificate yet.
  const std::filesystem::path at_district = node.agent().directory(), authority = tree_->pki().ca().parent_path();
  std::filesystem::remove(tree_->pki().certificate("district-41"));
  std::filesystem::remove(tree_->pki().key("district-41"));
  node.write_config();
  edit(node, tree_->pki().certificate("district-41").string(), "district-41.pem");
  edit(node, tree_->pki().key("district-41").string(), "district-41.key");
  edit(node, tree_->pki().ca().string(), "ca.pem");
  node.init();
  const Outcome asked = run_pki({"request", "district-41", "--dir", at_district, "--dns", "db41.example.org"});
  EXPECT_EQ(asked.exit_code, 0) << asked.output;

  std::filesystem::copy(at_district / "district-41.csr", authority);
  const std::string request = authority / "district-41.csr";
  const Outcome doubted = run_pki({"sign", request, "--dir", authority});
  EXPECT_EQ(doubted.exit_code, 1);
  EXPECT_THAT(doubted.output, AllOf(HasSubstr("also asks for the names db41.example.org"),
                                    HasSubstr("pki sign " + request + " --dns db41.example.org")));
  const Outcome made = run_pki({"sign", request, "--dir", authority, "--dns", "db41.example.org"});
  EXPECT_EQ(made.exit_code, 0) << made.output;
  for (const char* file : {"district-41.pem", "ca.pem"}) std::filesystem::copy(authority / file, at_district / file);
  EXPECT_FALSE(std::filesystem::exists(authority / "district-41.key"));

  // What was printed is what the parent's file gets.
  const size_t paragraph = made.output.find("[[child]]\n");
  ASSERT_NE(paragraph, std::string::npos) << made.output;
  const std::string text = read_file(nation().agent().config_file());
  const size_t place = text.find("[tls]");
  nation().agent().write_config(text.substr(0, place) + made.output.substr(paragraph) + "owns = \"" +
                                "district = 'district-41'\"\n" + text.substr(place));
  EXPECT_THAT(reload(nation()).output, HasSubstr("[[child]] district-41: added"));
  node.agent().start();
  wait_until_connected(node);
  tree_->expect_equal();

  // Renewed: the same key, a new certificate over the old one.
  const std::string key = read_file(at_district / "district-41.key");
  const std::string certificate = read_file(at_district / "district-41.pem");
  EXPECT_THAT(run_pki({"request", "district-41", "--dir", at_district}).output, HasSubstr("as it was"));
  std::filesystem::copy(at_district / "district-41.csr", request, std::filesystem::copy_options::overwrite_existing);
  const Outcome unasked = run_pki({"sign", request, "--dir", authority});
  EXPECT_EQ(unasked.exit_code, 1);
  EXPECT_THAT(unasked.output, HasSubstr("--force"));
  const Outcome renewed = run_pki({"sign", request, "--dir", authority, "--force"});
  EXPECT_EQ(renewed.exit_code, 0) << renewed.output;
  EXPECT_THAT(renewed.output, AllOf(HasSubstr("tributary reload"), Not(HasSubstr("[[child]]"))));
  std::filesystem::copy(authority / "district-41.pem", at_district / "district-41.pem",
                        std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(reload(node).exit_code, 0);
  EXPECT_EQ(read_file(at_district / "district-41.key"), key);
  EXPECT_NE(read_file(at_district / "district-41.pem"), certificate);
  node.link().cut();
  node.link().restore();
  write(node);
  tree_->expect_equal();
}

}  // namespace
}  // namespace tributary::test
