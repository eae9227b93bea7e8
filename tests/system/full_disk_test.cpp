// The queue's disk is full: capture pauses and says so, nothing is lost, and it goes on when there is room again. The
// disk is a small tmpfs, which only root may mount.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <unistd.h>

#include <regex>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

class FullDiskTest : public testing::Test {
 protected:
  FullDiskTest() : disk_("small-disk") {}
  void SetUp() override {
    if (::mount("tmpfs", disk_.path().c_str(), "tmpfs", 0, "size=24m") != 0)
      GTEST_SKIP() << "no tmpfs can be mounted here: " << ::strerror(errno);
    tree_.add({.name = "parent"});
    tree_.add({.name = "child", .parent = "parent", .tables = {{.name = "public.report"}}});
    tree_.exec_everywhere("CREATE TABLE report (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body text)");
    tree_.init();
    std::string config = read_file(child().agent().config_file());
    config = std::regex_replace(
        config, std::regex("path = \"queue.db\"\nmin_free_disk = \"64 MiB\""),
        "path = \"" + (disk_ / "queue.db").string() + "\"\nmin_free_disk = \"1 MiB\"\nmax_bytes = \"64 MiB\"");
    child().agent().write_config(config);
    for (const auto& node : tree_.nodes()) node->agent().start();
    child().wait_until_streaming();
    write(1);
    tree_.expect_equal();
  }
  void TearDown() override {
    if (tree_.nodes().empty()) return;
    child().agent().stop();
    ::umount2(disk_.path().c_str(), MNT_DETACH);
  }

  Node& child() { return tree_["child"]; }
  void set_disk_size(const std::string& size) {
    ASSERT_EQ(::mount("tmpfs", disk_.path().c_str(), "tmpfs", MS_REMOUNT, ("size=" + size).c_str()), 0);
  }
  // About 100 kB each, half of it after compression.
  void write(int rows) {
    for (int done = 0; done < rows; ++done)
      child().sql().exec(
          "INSERT INTO report (body) SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 3125)");
  }
  void fill_disk() {
    child().link().cut();
    for (int i = 0; i < 60 && !is_full(); ++i) write(20);
    wait_until("the agent says that the disk is full", [&] { return is_full(); });
    EXPECT_TRUE(child().agent().is_running());
  }
  bool is_full() {
    const status::NodeStatus status = child().agent().status();
    for (const status::Notice& notice : status.notices())
      if (notice.message().find(disk_.path().string()) != std::string::npos && !notice.hint().empty()) return true;
    return false;
  }
  bool has_captured_all() {
    const std::string now = child().sql().value("SELECT pg_current_wal_insert_lsn()");
    return child().sql().value("SELECT confirmed_flush_lsn >= $1::pg_lsn FROM pg_replication_slots", {now}) == "t";
  }

  TempDir disk_;
  Hierarchy tree_;
};

TEST_F(FullDiskTest, capture_pauses_and_goes_on_when_there_is_room) {
  const pid_t pid = child().agent().pid();
  fill_disk();
  write(20);
  EXPECT_GT(child().agent().status().queue().batches(), 0U);
  set_disk_size("400m");
  wait_until("capture has all, with the link still cut", [&] { return has_captured_all(); });
  wait_until("the status is clean", [&] { return !is_full(); });
  EXPECT_TRUE(child().agent().is_running());
  EXPECT_EQ(child().agent().pid(), pid);
  child().link().restore();
  tree_.expect_equal();
}

TEST_F(FullDiskTest, a_full_disk_drains_when_the_link_comes_back) {
  fill_disk();
  write(20);
  child().agent().kill();
  child().agent().start();
  child().link().restore();
  tree_.expect_equal();
  wait_until("the status is clean", [&] { return !is_full(); });
}

TEST_F(FullDiskTest, a_disk_that_another_program_fills_stops_nothing_for_good) {
  child().link().cut();
  write(20);
  {
    const std::string hog = (disk_ / "hog").string();
    FILE* file = ::fopen(hog.c_str(), "w");
    const std::string block(1 << 16, 'x');
    while (::fwrite(block.data(), 1, block.size(), file) == block.size()) continue;
    ::fclose(file);
  }
  write(20);
  wait_until("the agent says that the disk is full", [&] { return is_full(); });
  child().cluster().stop_fast(std::chrono::seconds(3));
  child().cluster().start();
  EXPECT_TRUE(child().agent().is_running());
  ::unlink((disk_ / "hog").c_str());
  child().link().restore();
  tree_.expect_equal();
}

}  // namespace
}  // namespace tributary::test
