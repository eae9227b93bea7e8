// Databases and queues put back from a backup, lost, or damaged, while the district and the region go on writing: in
// the end the region has the district's rows, and nothing is skipped.
#include <fstream>

#include "system/uses_fixture.h"

namespace tributary::test {
namespace {

class RestoredTest : public UsesTest {
 protected:
  explicit RestoredTest(const std::string& queue = {}) : UsesTest(with_queue(queue)) {}
  static NodeOptions with_queue(const std::string& queue) {
    NodeOptions options = district_options();
    options.queue = queue;
    // A segment of the log is 16 MB.
    options.cluster.settings = {{"max_slot_wal_keep_size", "'16MB'"}, {"min_wal_size", "'32MB'"}};
    return options;
  }
  void expect_mended(BothWrite& writers) {
    writers.let_write();
    writers.stop();
    expect_mended();
  }
  void expect_mended() {
    tree.expect_equal();
    EXPECT_EQ(extra(), 0);
    wait_until("all is well", [&] {
      return district().agent().status().health() == status::OK && region().agent().status().health() == status::OK;
    });
  }
  void put_region_back(const std::string& label) {
    region().cluster().stop_fast();
    region().cluster().restore_data(label);
    region().cluster().start();
  }
  // What was set aside: queue.db.damaged-TIME.
  std::vector<std::filesystem::path> set_aside() {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(queue_directory()))
      if (const std::string name = entry.path().filename();
          name.starts_with("queue.db.damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm"))
        found.push_back(entry.path());
    return found;
  }
};

void damage(const std::filesystem::path& path, std::streamoff begin, std::streamoff bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(begin);
  file << std::string(static_cast<size_t>(bytes), 'x');
}

class NothingKeptTest : public RestoredTest {
 protected:
  NothingKeptTest() : RestoredTest("keep = \"0 s\"") {}
};

// The agent runs all the time; only its database is put back.
TEST_F(RestoredTest, the_districts_database_while_its_queue_goes_on) {
  start();
  BothWrite writers(district(), region());
  writers.let_write();
  district().cluster().back_up("before");
  writers.let_write();
  const std::string before = stream();
  put_district_back("before");
  expect_new_stream(before, "the replication slot is gone");  // a backup has none
  expect_mended(writers);
}

TEST_F(RestoredTest, the_regions_database_within_the_queues_keep) {
  start();
  BothWrite writers(district(), region());
  writers.let_write();
  region().cluster().back_up("before");
  writers.let_write();
  const std::string before = stream();
  put_region_back("before");
  expect_mended(writers);
  EXPECT_EQ(stream(), before) << "the queue had all that was missing";
}

TEST_F(NothingKeptTest, the_regions_database) {
  start();
  BothWrite writers(district(), region());
  writers.let_write();
  region().cluster().back_up("before");
  const std::string before = stream();
  writers.let_write();
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));  // acknowledgements are stored once a second
  writers.let_write();
  put_region_back("before");
  expect_new_stream(before, "");
  expect_mended(writers);
}

TEST_F(RestoredTest, the_districts_database_and_queue_together) {
  start();
  district().agent().stop();
  district().cluster().stop_fast();
  district().cluster().save_data("before");
  copy_queue(queue_directory(), queue_directory() / "before");
  district().cluster().start();
  start_district();
  BothWrite writers(district(), region());
  writers.let_write();
  writers.district.stop();
  tree.expect_equal();
  const std::string before = stream();

  district().agent().stop();
  put_district_back("before");
  delete_queue();
  copy_queue(queue_directory() / "before", queue_directory());
  Writer more(district().cluster().conninfo("app"), "district");
  more.let_write(60);
  district().agent().start();
  expect_new_stream(before, "");
  more.let_write();
  more.stop();
  writers.region.let_write();
  writers.stop();
  expect_mended();
}

TEST_F(RestoredTest, the_queue_is_lost) {
  start();
  BothWrite writers(district(), region());
  writers.let_write();
  const std::string before = stream();
  district().agent().kill();
  delete_queue();
  writers.let_write();
  district().agent().start();
  expect_new_stream(before, "the queue was lost or is new");
  expect_mended(writers);
}

// Garbage from a part of the file on: found when it is opened, or only when a page is needed.
class DamagedQueueTest : public RestoredTest, public testing::WithParamInterface<double> {};

TEST_P(DamagedQueueTest, is_set_aside) {
  start(3000);
  BothWrite writers(district(), region());
  writers.let_write();
  const std::string before = stream();
  district().agent().stop();
  const std::filesystem::path queue = queue_directory() / "queue.db";
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(queue));
  const auto begin = static_cast<std::streamoff>(static_cast<double>(size) * GetParam());
  damage(queue, begin, std::min(size - begin, size / 2));
  const std::string damaged = read_file(queue).substr(static_cast<size_t>(begin), 4000);
  writers.let_write();
  district().agent().start();
  expect_new_stream(before, "the queue was lost or is new");
  EXPECT_EQ(read_file(set_aside().at(0)).substr(static_cast<size_t>(begin), 4000), damaged);
  EXPECT_EQ(set_aside().size(), 1U);
  wait_until("it is said", [&] {
    return notice_of(district(), "damaged queue").message().find(set_aside()[0]) != std::string::npos;
  });
  std::filesystem::remove(set_aside()[0]);
  expect_mended(writers);
}

INSTANTIATE_TEST_SUITE_P(At, DamagedQueueTest, testing::Values(0.0, 0.02, 0.5));

// In what waits for the link, where nobody looks before it is sent.
TEST_F(RestoredTest, a_large_change_in_the_queue_is_damaged) {
  start();
  const std::string before = stream();
  district().link().cut();
  district().sql().exec(
      "INSERT INTO note SELECT 'district', 1000000 + n, (SELECT string_agg(md5(n || ' ' || i), '') FROM "
      "generate_series(1, 1000) i) FROM generate_series(1, 50) n");
  wait_until("it is in the queue", [&] { return district().agent().status().queue().bytes() > 700'000; });
  district().agent().stop();
  const std::filesystem::path queue = queue_directory() / "queue.db";
  ASSERT_FALSE(std::filesystem::exists(queue.string() + "-wal"));
  damage(queue, static_cast<std::streamoff>(std::filesystem::file_size(queue) / 2), 100);
  BothWrite writers(district(), region());
  district().agent().start();
  district().wait_until_streaming();
  EXPECT_TRUE(set_aside().empty());
  district().link().restore();
  expect_new_stream(before, "the queue was lost or is new");
  ASSERT_EQ(set_aside().size(), 1U);
  std::filesystem::remove(set_aside()[0]);
  expect_mended(writers);
}

TEST_F(RestoredTest, the_slots_log_is_removed) {
  start();
  const std::string before = stream();
  district().agent().stop();
  BothWrite writers(district(), region());
  writers.let_write();
  Sql sql = district().cluster().connect("app");
  wait_until("PostgreSQL gives up the slot", [&] {
    sql.exec("CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 20000); DROP TABLE filler");
    sql.exec("SELECT pg_switch_wal()");
    sql.exec("CHECKPOINT");
    return sql.value("SELECT wal_status FROM pg_replication_slots WHERE slot_name LIKE 'tributary%'") == "lost";
  });
  district().agent().start();
  expect_new_stream(before, "PostgreSQL removed WAL that the slot still needed");
  expect_mended(writers);
}

}  // namespace
}  // namespace tributary::test
