// `tributary pause` and `tributary resume`: what is paused waits, whatever is killed meanwhile, and nothing is lost.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <set>
#include <sstream>
#include <thread>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr char kSchema[] = R"(
  CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT substr(string_agg(md5(random()::text), ''), 1, bytes) FROM generate_series(0, bytes / 32)
  $$;
  CREATE TABLE document (home text, id int, title text NOT NULL, body text, is_public boolean NOT NULL DEFAULT true,
                         PRIMARY KEY (home, id));
  CREATE TABLE note (home text, id int, body text, PRIMARY KEY (home, id));
)";

class PauseTest : public testing::Test {
 protected:
  PauseTest() {
    region_ = &tree.add({.name = "region"});
    for (const std::string name : {"district", "other"}) {
      const std::string owned = "home = '" + name + "'";
      tree.add({.name = name,
                .parent = "region",
                .tables = {{.name = "public.document", .where = "is_public", .key = {"home", "id"}, .owned = owned},
                           {.name = "public.note", .key = {"home", "id"}, .owned = owned}},
                .owns = "owns = \"" + owned + "\""});
    }
    tree.exec_everywhere(kSchema);
    for (Node* node : {&district(), &other()})
      node->sql().exec("INSERT INTO document SELECT $1, n, 'first', noise(20000) FROM generate_series(1, 60) n",
                       {node->name()});
    tree.start();
    tree.expect_equal();
  }
  Node& region() { return *region_; }
  Node& district() { return tree["district"]; }
  Node& other() { return tree["other"]; }

  static Outcome command(Node& node, const std::vector<std::string>& words) {
    const Outcome outcome = node.agent().command(words, seconds(120));
    EXPECT_EQ(outcome.exit_code, 0) << words[0] << ": " << outcome.output;
    return outcome;
  }
  static void restart(Node& node) {
    node.agent().kill();
    node.agent().start();
    node.wait_until_streaming();
  }
  static void note(Node& node, int id) {
    node.sql().exec("INSERT INTO note VALUES ($1, $2::int, 'x')", {node.name(), std::to_string(id)});
  }
  bool has_note(Node& node, int id) {
    return region().sql().number("SELECT count(*) FROM note WHERE home = $1 AND id = $2::int",
                                 {node.name(), std::to_string(id)}) == 1;
  }
  static status::Notice notice_of(Node& node, const std::string& subject) {
    const status::NodeStatus status = node.agent().status();
    for (const status::Notice& notice : status.notices())
      if (notice.subject() == subject) return notice;
    return {};
  }

  Hierarchy tree;

 private:
  Node* region_;
};

TEST_F(PauseTest, sending_waits_until_it_is_resumed) {
  EXPECT_THAT(command(district(), {"pause"}).output, HasSubstr("to go on: tributary resume"));
  note(district(), 1);
  note(other(), 1);
  wait_until("the other district's note arrives", [&] { return has_note(other(), 1); });
  restart(district());
  note(district(), 2);
  wait_until("both notes wait", [&] { return district().agent().status().queue().batches() > 0; });
  wait_until("it says so", [&] { return district().agent().status().uplink().state() == "paused"; });
  const status::Notice notice = notice_of(district(), "sending");
  EXPECT_EQ(notice.health(), status::ATTENTION);
  EXPECT_THAT(notice.message(), HasSubstr("paused since"));
  EXPECT_THAT(notice.hint(), HasSubstr("tributary resume"));
  EXPECT_NE(district().agent().status().uplink().paused_since(), 0);
  const Outcome wait = district().agent().command({"wait", "--timeout", "200ms"});
  EXPECT_EQ(wait.exit_code, 1);
  EXPECT_THAT(wait.output, HasSubstr("sending is paused since"));
  EXPECT_FALSE(has_note(district(), 1));
  wait_until("the region shows it", [&] {
    return region().agent().command({"status"}).output.find("its sending: paused since") != std::string::npos;
  });

  command(district(), {"resume"});
  command(district(), {"wait"});
  EXPECT_TRUE(has_note(district(), 1) && has_note(district(), 2));
  wait_until("all is well", [&] { return district().agent().status().health() == status::OK; });
  EXPECT_EQ(district().agent().command({"resume"}).exit_code, 1) << "there is nothing to end";
}

// Every version that a document ever had at the district.
class Versions {
 public:
  explicit Versions(Node& node) {
    node.sql().exec(R"(
      CREATE TABLE version (id int, title text, body text, PRIMARY KEY (id, title, body));
      INSERT INTO version SELECT id, title, md5(body) FROM document;
      CREATE FUNCTION keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO version VALUES (new.id, new.title, md5(new.body)) ON CONFLICT DO NOTHING; RETURN NULL; END $$;
      CREATE TRIGGER keep_version AFTER INSERT OR UPDATE ON document FOR EACH ROW EXECUTE FUNCTION keep_version();
    )");
  }
};

std::set<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

// What the region shows of the district's documents, again and again.
class Watcher {
 public:
  explicit Watcher(Node& region)
      : conninfo_(region.cluster().conninfo("app")), thread_([this] {
          Sql sql(conninfo_);
          while (!is_stopping_) {
            seen_.merge(lines_of(table_text(sql, "SELECT id, title, md5(body) FROM document WHERE home = 'district'")));
            std::this_thread::sleep_for(milliseconds(5));
          }
        }) {}
  ~Watcher() { stop(); }
  std::set<std::string> stop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return std::move(seen_);
  }

 private:
  std::string conninfo_;
  std::atomic<bool> is_stopping_ = false;
  std::set<std::string> seen_;
  std::thread thread_;
};

TEST_F(PauseTest, a_table_waits_and_is_mended_without_a_mixture_of_versions) {
  const Versions versions(district());
  Watcher watcher(region());
  const auto write = [&](const std::string& sql) { district().sql().exec(sql); };
  command(district(), {"pause", "document"});
  // What large value a row has now the parent does not know; then only titles change.
  write("UPDATE document SET title = 'paused', body = noise(20000) WHERE id % 3 > 0");
  write("DELETE FROM document WHERE id IN (7, 8); INSERT INTO document VALUES ('district', 100, 'new', noise(9000))");
  write("UPDATE document SET is_public = false WHERE id IN (10, 11)");
  note(district(), 1);
  wait_until("the other table flows", [&] { return has_note(district(), 1); });
  restart(district());
  write("UPDATE document SET title = 'later' WHERE id % 2 = 0");
  note(district(), 2);
  wait_until("the other table flows", [&] { return has_note(district(), 2); });
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM document WHERE home = 'district' AND title = 'first'"), 60);
  const status::Notice notice = notice_of(district(), "pause of table public.document");
  EXPECT_EQ(notice.health(), status::ATTENTION);
  EXPECT_THAT(notice.hint(), HasSubstr("tributary resume public.document"));
  const Outcome wait = district().agent().command({"wait", "--timeout", "200ms"});
  EXPECT_EQ(wait.exit_code, 1);
  EXPECT_THAT(wait.output, HasSubstr("table public.document is paused"));
  const Outcome verify = district().agent().command({"verify", "document"});
  EXPECT_EQ(verify.exit_code, 2);
  EXPECT_THAT(verify.output, HasSubstr("paused"));

  district().link().set_bytes_per_second(400'000);  // so that the comparison takes a while
  command(district(), {"resume", "public.document"});
  for (int round = 0; round < 40; ++round) {
    write("UPDATE document SET title = 'after " + std::to_string(round) +
          "' WHERE id % 5 = " + std::to_string(round % 5));
    std::this_thread::sleep_for(milliseconds(20));
  }
  district().link().set_bytes_per_second(0);
  command(district(), {"wait", "--timeout", "60s"});
  tree.expect_equal();
  const std::set<std::string> known = lines_of(table_text(district().sql(), "SELECT id, title, body FROM version"));
  for (const std::string& seen : watcher.stop()) EXPECT_TRUE(known.contains(seen)) << "a mixture: " << seen;
  wait_until("all is well", [&] { return district().agent().status().health() == status::OK; });
}

TEST_F(PauseTest, a_pause_of_a_table_ends_once_whatever_is_killed) {
  for (const std::string failpoint : {"before_resume_mark", "after_queue_commit", "after_resume_stored"}) {
    command(district(), {"pause", "document"});
    district().sql().exec("UPDATE document SET title = $1, body = noise(20000)", {failpoint});
    district().agent().stop();
    district().agent().start_with_failpoint(failpoint);
    wait_until("the agent answers", [&] {
      try {
        return district().agent().status().capture().state() == "streaming";
      } catch (const std::runtime_error&) {
        return !district().agent().is_running();
      }
    });
    if (district().agent().is_running()) district().agent().command({"resume", "document"});
    if (district().agent().is_running())
      note(district(), failpoint == "before_resume_mark" ? 11 : failpoint == "after_queue_commit" ? 12 : 13);
    EXPECT_EQ(district().agent().wait_until_ended(seconds(60)), -SIGKILL) << failpoint;
    district().sql().exec("UPDATE document SET title = 'meanwhile' WHERE id % 2 = 0");
    district().agent().start();
    district().wait_until_streaming();
    // It was resumed before the kill, or is now.
    const Outcome resumed = district().agent().command({"resume", "document"});
    if (resumed.exit_code != 0) {
      EXPECT_THAT(resumed.output, HasSubstr("is not paused"));
    }
    command(district(), {"wait", "--timeout", "60s"});
    EXPECT_EQ(tree.difference(), "") << failpoint << tree.logs();
  }
}

// At the same time, each in a process of its own.
void both(const std::function<void()>& one, const std::function<void()>& other) {
  std::thread thread(one);
  other();
  thread.join();
}

TEST_F(PauseTest, a_pause_is_kept_while_another_one_begins_or_ends) {
  for (int round = 1; round <= 3; ++round) {
    const auto write = [&](const std::string& title) {
      district().sql().exec("UPDATE document SET title = $1 WHERE id % 3 = $2::int",
                            {title + std::to_string(round), std::to_string(round % 3)});
    };
    both([&] { command(district(), {"pause", "document"}); }, [&] { command(district(), {"pause", "note"}); });
    write("both are paused");
    note(district(), round);
    command(district(), {"resume", "document"});
    both([&] { command(district(), {"resume", "note"}); }, [&] { command(district(), {"pause", "document"}); });
    write("paused again");
    wait_until(
        "the note comes", [&] { return has_note(district(), round); }, seconds(60));
    restart(district());
    write("after a restart");
    EXPECT_NE(notice_of(district(), "pause of table public.document").message(), "") << "it is still paused";
    command(district(), {"resume", "document"});
    command(district(), {"wait", "--timeout", "60s"});
    EXPECT_EQ(tree.difference(), "") << tree.logs();
  }
}

TEST_F(PauseTest, a_table_that_is_held_keeps_no_other_from_being_resumed) {
  command(district(), {"pause", "document"});
  command(district(), {"pause", "note"});
  note(district(), 1);
  district().sql().exec("UPDATE document SET title = 'paused'");
  district().sql().exec("ALTER PUBLICATION tributary_district DROP TABLE document");
  command(district(), {"resume", "document"});
  wait_until("it says why the table cannot be resumed",
             [&] { return notice_of(district(), "resume").message().find("public.document") != std::string::npos; });
  command(district(), {"resume", "note"});
  wait_until(
      "the other one is", [&] { return has_note(district(), 1); }, seconds(60));
  command(district(), {"pause", "note"});
  note(district(), 2);
  district().init();
  wait_until(
      "the document is in the stream again",
      [&] { return notice_of(district(), "pause of table public.document").message().empty(); }, seconds(60));
  EXPECT_FALSE(has_note(district(), 2));
  command(district(), {"resume", "note"});
  command(district(), {"wait", "--timeout", "60s"});
  tree.expect_equal();
}

TEST_F(PauseTest, a_child_waits_at_its_own_queue_while_others_flow) {
  EXPECT_THAT(command(region(), {"pause", "district"}).output, HasSubstr("tributary resume district"));
  for (Node* node : {&district(), &other()}) note(*node, 1);
  wait_until("the other district's note arrives", [&] { return has_note(other(), 1); });
  wait_until("the district is told", [&] { return district().agent().status().uplink().state() == "paused"; });
  const status::Notice told = notice_of(district(), "uplink");
  EXPECT_EQ(told.health(), status::ATTENTION);
  EXPECT_THAT(told.message(), HasSubstr("region does not apply what this node sends: paused there since"));
  EXPECT_THAT(told.hint(), HasSubstr("at region: tributary resume district"));

  region().agent().kill();
  region().agent().start();
  for (Node* node : {&district(), &other()}) note(*node, 2);
  wait_until("the other district's note arrives", [&] { return has_note(other(), 2); });
  wait_until("the region says so", [&] {
    const status::NodeStatus status = region().agent().status();
    return std::any_of(status.children().begin(), status.children().end(), [](const status::Child& child) {
      return child.node() == "district" && child.state() == "paused" && child.paused_since() != 0;
    });
  });
  EXPECT_EQ(notice_of(region(), "child district, paused").health(), status::ATTENTION);
  EXPECT_FALSE(has_note(district(), 1) || has_note(district(), 2));

  command(region(), {"resume", "district"});
  command(district(), {"wait"});
  EXPECT_TRUE(has_note(district(), 1) && has_note(district(), 2));
  tree.expect_equal();
  wait_until("all is well", [&] {
    return district().agent().status().health() == status::OK && region().agent().command({"status"}).exit_code == 0;
  });
}

status::Child child_of(Node& parent, const std::string& name) {
  const status::NodeStatus status = parent.agent().status();
  for (const status::Child& child : status.children())
    if (child.node() == name) return child;
  return {};
}

TEST_F(PauseTest, a_child_that_is_listed_again_is_paused_as_it_was) {
  command(region(), {"pause", "other"});
  const std::string with_other = read_file(region().agent().config_file());
  const std::string block = "[[child]]\nname = \"other\"\nowns = \"home = 'other'\"\n";
  const size_t at = with_other.find(block);
  ASSERT_NE(at, std::string::npos) << with_other;
  region().agent().stop();
  region().agent().write_config(std::string(with_other).erase(at, block.size()));
  region().agent().start();
  wait_until(
      "the district is back", [&] { return child_of(region(), "district").state() == "connected"; }, seconds(60));
  region().agent().write_config(with_other);
  command(region(), {"reload"});
  note(other(), 1);
  wait_until(
      "the other one waits", [&] { return child_of(region(), "other").state() == "paused"; }, seconds(60));
  EXPECT_FALSE(has_note(other(), 1));
  command(region(), {"resume", "other"});
  command(other(), {"wait", "--timeout", "60s"});
  EXPECT_TRUE(has_note(other(), 1));
}

TEST_F(PauseTest, a_pause_of_a_child_is_in_force_when_it_is_written_down_after_the_command_gave_up) {
  region().sql().exec("BEGIN; LOCK TABLE tributary.paused");
  EXPECT_NE(region().agent().command({"pause", "other"}, seconds(60)).exit_code, 0);
  region().sql().exec("COMMIT");
  wait_until("it is written down", [&] { return region().sql().number("SELECT count(*) FROM tributary.paused") == 1; });
  wait_until("it is in force", [&] { return child_of(region(), "other").paused_since() != 0; });
  command(region(), {"resume", "other"});
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM tributary.paused"), 0);
  EXPECT_EQ(child_of(region(), "other").paused_since(), 0);
}

TEST_F(PauseTest, a_name_that_means_nothing_is_answered_with_what_there_is) {
  const Outcome unknown = district().agent().command({"pause", "nothing"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.output, HasSubstr("no table or child nothing"));
  EXPECT_THAT(unknown.output, HasSubstr("tables that it sends: public.document, public.note"));
  const Outcome top = region().agent().command({"pause"});
  EXPECT_EQ(top.exit_code, 1);
  EXPECT_THAT(top.output, HasSubstr("children: district, other"));
  const Outcome running = district().agent().command({"resume", "note"});
  EXPECT_EQ(running.exit_code, 1);
  EXPECT_THAT(running.output, HasSubstr("table public.note is not paused"));
}

}  // namespace
}  // namespace tributary::test
