// An agent that has nothing to do is no burden: the slot keeps up, the lag is nothing, and PostgreSQL shuts down when
// it is asked to, also while the agent is busy or stuck.
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <sstream>
#include <thread>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

class IdleTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tree_ = std::make_unique<Hierarchy>();
    tree_->add({.name = "parent"});
    tree_->add({.name = "child", .parent = "parent", .tables = {{.name = "public.report"}}});
    tree_->exec_everywhere(
        "CREATE TABLE report (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body text);"
        "CREATE TABLE elsewhere (body text)");
    tree_->start();
    tree_->expect_equal();
  }
  static void TearDownTestSuite() { tree_.reset(); }

  Node& child() { return (*tree_)["child"]; }

  // Writes rows until the server goes away.
  class Load {
   public:
    explicit Load(Node& node)
        : thread_([this, conninfo = node.cluster().conninfo("app")] {
            try {
              Sql sql(conninfo);
              for (;; ++written_)
                sql.exec(
                    "INSERT INTO report (body) SELECT repeat(md5(random()::text), 20) FROM generate_series(1, 50)");
            } catch (const SqlError&) {
            }
          }) {}
    ~Load() { thread_.join(); }
    void wait_for(int transactions) const {
      wait_until("there is load", [&] { return written_ >= transactions; });
    }

   private:
    std::atomic<int> written_ = 0;
    std::thread thread_;
  };

  void expect_stops_and_goes_on() {
    child().cluster().stop_fast(3s);
    child().cluster().start();
    child().sql().exec("INSERT INTO report (body) VALUES ('after the pause')");
    tree_->expect_equal();
  }

  static std::unique_ptr<Hierarchy> tree_;
};

std::unique_ptr<Hierarchy> IdleTest::tree_;

TEST_F(IdleTest, the_slot_keeps_up_with_what_is_written_elsewhere) {
  const uint64_t changes = child().agent().status().capture().changes();
  child().cluster().create_database("another");
  Sql another = child().cluster().connect("another");
  another.exec("CREATE TABLE noise AS SELECT repeat(md5(n::text), 30) FROM generate_series(1, 30000) n");
  child().sql().exec("INSERT INTO elsewhere SELECT repeat(md5(n::text), 30) FROM generate_series(1, 30000) n");
  const std::string end = child().sql().value("SELECT pg_current_wal_insert_lsn()");
  wait_until(
      "the slot keeps up",
      [&] {
        return child().sql().value("SELECT confirmed_flush_lsn >= $1::pg_lsn FROM pg_replication_slots", {end}) == "t";
      },
      40s);
  EXPECT_EQ(child().agent().status().capture().changes(), changes);
}

TEST_F(IdleTest, lag_is_the_age_of_what_waits_and_nothing_when_nothing_does) {
  tree_->expect_equal();
  const auto lag = [&] { return child().agent().status().queue().oldest_seconds(); };
  wait_until("nothing waits", [&] { return lag() == 0; });
  child().link().cut();
  child().sql().exec("INSERT INTO report (body) VALUES ('waits')");
  wait_until("the row ages", [&] { return lag() > 2; });
  child().link().restore();
  tree_->expect_equal();
  wait_until("nothing waits any more", [&] { return lag() == 0; });
}

TEST_F(IdleTest, an_idle_agent_takes_little_time_of_the_processor) {
  const auto seconds = [&] {
    const std::string stat = read_file("/proc/" + std::to_string(child().agent().pid()) + "/stat");
    std::istringstream fields(stat.substr(stat.rfind(')') + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  };
  tree_->expect_equal();
  const double before = seconds();
  ::sleep(4);  // the span over which it is measured
  const double share = (seconds() - before) / 4;
  RecordProperty("idle_processor_percent", std::to_string(share * 100));
  std::printf("an idle agent takes %.2f %% of a processor\n", share * 100);
  EXPECT_LT(share, 0.2);
}

TEST_F(IdleTest, a_fast_shutdown_is_not_held_up_by_an_idle_agent) {
  tree_->expect_equal();
  expect_stops_and_goes_on();
}

TEST_F(IdleTest, a_fast_shutdown_is_not_held_up_under_load) {
  const Load load(child());
  load.wait_for(20);
  expect_stops_and_goes_on();
}

TEST_F(IdleTest, a_fast_shutdown_is_not_held_up_when_the_queue_cannot_be_written) {
  sqlite3* queue = nullptr;
  ASSERT_EQ(sqlite3_open((child().agent().directory() / "queue.db").c_str(), &queue), SQLITE_OK);
  sqlite3_busy_timeout(queue, 10'000);
  ASSERT_EQ(sqlite3_exec(queue, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  {
    const Load load(child());
    load.wait_for(20);
    child().cluster().stop_fast(3s);  // while it waits for the queue
  }
  child().cluster().start();
  {
    const Load load(child());
    load.wait_for(20);
    wait_until("the agent says what is wrong", [&] {
      const status::NodeStatus status = child().agent().status();
      return status.capture().health() != status::OK || status.queue().health() != status::OK;
    });
    child().cluster().stop_fast(3s);
  }
  child().cluster().start();
  EXPECT_TRUE(child().agent().is_running());
  sqlite3_exec(queue, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(queue);
  tree_->expect_equal();
}

TEST_F(IdleTest, a_fast_shutdown_is_not_held_up_when_the_queue_is_full) {
  child().agent().stop();
  child().edit().queue = "max_bytes = \"1 MiB\"\n";
  child().write_config();
  child().link().cut();
  child().agent().start();
  child().wait_until_streaming();
  child().sql().exec(
      "INSERT INTO report (body) SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 200000) n "
      "GROUP BY n % 100");
  wait_until("the queue is full",
             [&] { return child().agent().status().capture().message().find("max_bytes") != std::string::npos; });
  child().cluster().stop_fast(3s);
  child().cluster().start();
  child().link().restore();
  child().agent().stop();
  child().edit().queue = "";
  child().write_config();
  child().agent().start();
  tree_->expect_equal();
}

}  // namespace
}  // namespace tributary::test
