// A parent that was put back, that begins in the middle of a batch, or that meets a copy of its child.
#include <thread>

#include "system/positions_fixture.h"

namespace tributary::test {
namespace {

class ShortKeepTest : public PositionsTest {
 protected:
  static constexpr auto kKeep = std::chrono::seconds(1);
  ShortKeepTest() : PositionsTest("keep = \"1 s\"") {}
};

TEST_F(PositionsTest, a_parent_put_back_within_the_queues_keep_is_replayed_to) {
  start();
  write_and_wait(5);
  const std::string stream = applied_stream();
  save_region("before");
  write_and_wait(4);
  district().sql().exec("UPDATE note SET is_public = false WHERE id = 7; DELETE FROM note WHERE id = 2");
  tree.expect_equal();

  put_region_back("before");
  tree.expect_equal();
  write_and_wait(2);
  EXPECT_EQ(applied_stream(), stream);
  EXPECT_EQ(applied_seq(), 12);
  EXPECT_EQ(writes_repeated(), 0);
}

TEST_F(PositionsTest, a_parent_put_back_to_before_the_stream_is_replayed_to_from_its_beginning) {
  region().cluster().stop_fast();
  region().cluster().save_data("before");
  region().cluster().start();
  start();
  write_and_wait(5);
  put_region_back("before");
  tree.expect_equal();
  EXPECT_EQ(applied_seq(), 5);
}

TEST_F(ShortKeepTest, a_parent_put_back_beyond_the_queues_keep_is_refreshed) {
  start();
  write_and_wait(5);
  save_region("before");
  write_and_wait(4);
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));  // acknowledgements are stored once a second
  write_and_wait(1);
  std::this_thread::sleep_for(kKeep + std::chrono::milliseconds(200));  // the time itself is what is tested
  write_and_wait(1);                                                    // an acknowledgement lets go of what was kept
  put_region_back("before");
  write(2);
  expect_mended();
}

TEST_F(PositionsTest, goes_on_in_the_middle_of_a_batch) {
  start();
  write_and_wait(2);
  region().sql().exec("ALTER TABLE note ADD CONSTRAINT refused CHECK (body <> 'refused')");
  district().agent().stop();
  write(3);
  write(1, "refused");
  write(3);
  start_district();  // captures all of it as one batch
  expect_held("refused");
  EXPECT_EQ(applied_seq(), 5) << "what precedes the refused transaction is committed";
  district().agent().stop();
  region().agent().stop();
  region().sql().exec("ALTER TABLE note DROP CONSTRAINT refused");
  start();
  write_and_wait(1);
  EXPECT_EQ(applied_seq(), 10);
  EXPECT_EQ(writes_repeated(), 0);
}

TEST_F(PositionsTest, a_new_stream_brings_what_no_stream_brought) {
  start();
  write_and_wait(5);
  district().agent().stop();
  district().sql().exec("SELECT pg_drop_replication_slot($1)", {slot()});
  write(2, "in no stream");
  district().sql().exec("DELETE FROM note WHERE id = 2; UPDATE note SET is_public = false WHERE id = 4");
  expect_new_stream("the replication slot is gone");
  write(2, "in the new stream");
  district().sql().exec("UPDATE note SET body = 'changed since' WHERE id = 3");
  expect_mended();
  EXPECT_EQ(writes_repeated(), 1) << "what did not change is not written again";
}

// Another server from a copy of the district's data, another agent from a copy of its queue.
class CopyOfNode {
 public:
  explicit CopyOfNode(Node& original) {
    const std::string settings = read_file(server.data() / "postgresql.auto.conf");
    server.stop_fast();
    std::filesystem::remove_all(server.data());
    Command copy;
    copy.words = {"cp", "-a", original.cluster().data().string(), server.data().string()};
    run_or_throw(copy);
    write_file(server.data() / "postgresql.auto.conf", settings);
    for (const char* file : {"queue.db", "queue.db-wal"})
      if (std::filesystem::exists(original.agent().directory() / file))
        std::filesystem::copy_file(original.agent().directory() / file, agent.directory() / file);
    std::string config = read_file(original.agent().config_file());
    const std::string port = "port=" + std::to_string(original.cluster().port());
    config.replace(config.find(port), port.size(), "port=" + std::to_string(server.port()));
    const size_t listen = config.find("listen = ", config.find("[status]"));
    config.replace(listen, config.find('\n', listen) - listen,
                   "listen = \"127.0.0.1:" + std::to_string(free_port()) + "\"");
    agent.write_config(config);
  }

  Cluster server{"copy-server"};
  Agent agent{"copy"};
};

TEST_F(PositionsTest, a_copy_of_the_node_that_runs_beside_it_is_not_believed) {
  start();
  write_and_wait(5);
  district().agent().stop();
  district().cluster().stop_fast();
  CopyOfNode copy(district());
  district().cluster().start();
  start_district();
  write_and_wait(2, "original");
  const std::string stream = applied_stream();

  copy.server.start();
  Sql of_copy = copy.server.connect("app");
  copy.agent.start();
  for (int id = 6; id < 12; ++id) {
    of_copy.exec("INSERT INTO note VALUES ($1, 'of the copy')", {std::to_string(id)});
    write(1, "original");
  }
  wait_until("the copy finds out", [&] { return copy.agent.log().find("is not in the queue") != std::string::npos; });
  tree.expect_equal();
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM note WHERE body = 'of the copy'"), 0);
  EXPECT_EQ(applied_stream(), stream);
  copy.agent.stop();
  write_and_wait(2, "original");
  EXPECT_EQ(writes_repeated(), 0);
}

}  // namespace
}  // namespace tributary::test
