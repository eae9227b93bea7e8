// The file itself: whose it is, what it may hold, and what happens when the disk is full.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/queue/queue_fixture.h"

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FileTest : public QueueTest {
 protected:
  std::string content() const {
    std::ifstream file(config_.path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write_content(const std::string& bytes) const { std::ofstream(config_.path, std::ios::binary) << bytes; }
};

TEST_F(FileTest, IsReadableByItsOwnerAlone) {
  open_with_stream();
  for (const char* suffix : {"", "-wal", "-shm", ".lock", ".ballast"}) {
    struct stat about {};
    ASSERT_EQ(stat((config_.path + suffix).c_str(), &about), 0) << suffix;
    EXPECT_EQ(about.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_F(FileTest, MakesItsDirectory) {
  config_.path = directory_ / "below" / "queue.db";
  open_with_stream();
  EXPECT_TRUE(std::filesystem::exists(config_.path));
  config_.path = directory_ / "not" / "there" / "queue.db";
  const Error failure = failure_of([&] { open(); });
  EXPECT_EQ(failure.kind(), ErrorKind::setup);
  EXPECT_THAT(failure.message(), HasSubstr("not/there"));
}

TEST_F(FileTest, BelongsToOneProcessAtATime) {
  open_with_stream();
  const Error failure = failure_of([&] { Queue second(config_, options_); });
  EXPECT_EQ(failure.kind(), ErrorKind::setup);
  EXPECT_THAT(failure.message(), HasSubstr(config_.path));
  EXPECT_THAT(failure.message(), HasSubstr("process " + std::to_string(getpid())));
  append_transactions(1);
  open();
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 1));
}

TEST_F(FileTest, LeavesAnotherProgramsFileAlone) {
  for (const std::string& bytes : {std::string("not a database, but somebody's letter\n"), std::string(5000, 'x'),
                                   std::string("SQLite format 3\0", 16) + std::string(4080, '\0')}) {
    write_content(bytes);
    const Error failure = failure_of([&] { open(); });
    EXPECT_EQ(failure.kind(), ErrorKind::setup);
    EXPECT_THAT(failure.message(), HasSubstr(config_.path));
    EXPECT_EQ(content(), bytes);
    EXPECT_FALSE(std::filesystem::exists(config_.path + "-wal"));
  }
}

TEST_F(FileTest, RefusesADamagedQueue) {
  open_with_stream();
  append_transactions(1);
  queue_.reset();
  std::string bytes = content();
  for (size_t at = 100; at < bytes.size(); ++at) bytes[at] = static_cast<char>(0x5a);
  write_content(bytes);
  const Error failure = failure_of([&] { open(); });
  EXPECT_EQ(failure.kind(), ErrorKind::setup);
  EXPECT_THAT(failure.message(), HasSubstr("damaged"));
  EXPECT_EQ(content(), bytes);
}

TEST_F(FileTest, SetsDamagedQueuesAsideButNotForEver) {
  for (int i = 0; i < 3; ++i) {
    open_with_stream();
    append_transactions(1);
    queue_.reset();
    const std::string bytes = content().substr(0, 500) + std::string(content().size() - 500, 'x');
    write_content(bytes);
    EXPECT_THROW(open(), QueueDamaged);
    Queue::set_aside(config_);
    const std::vector<std::string> files = Queue::files_set_aside(config_);
    ASSERT_EQ(files.size(), static_cast<size_t>(i) + 1);
    EXPECT_EQ(std::filesystem::file_size(files.back()), bytes.size());
    EXPECT_FALSE(std::filesystem::exists(config_.path));
  }
  write_content("damaged again");
  const Error failure = failure_of([&] { Queue::set_aside(config_); });
  EXPECT_EQ(failure.kind(), ErrorKind::setup);
  EXPECT_THAT(failure.hint(), HasSubstr(".damaged-"));
  EXPECT_EQ(content(), "damaged again");
}

TEST_F(FileTest, TakesUpOtherLimitsWhileItIsOpen) {
  config_.bytes_max = 100'000;
  open_with_stream();
  append_transactions(1, 60'000);
  EXPECT_EQ(failure_of([&] { append_transactions(1, 60'000); }).kind(), ErrorKind::resource);
  config_.bytes_max = 1 << 20;
  queue_->set_limits(config_);
  append_transactions(1, 60'000);
  config_.bytes_max = 100'000;
  queue_->set_limits(config_);
  EXPECT_EQ(failure_of([&] { append_transactions(1, 60'000); }).kind(), ErrorKind::resource);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 1, 2)) << "what is there stays";
}

TEST_F(FileTest, StopsAtItsBoundAndStoresNothingOfWhatDoesNotFit) {
  config_.bytes_max = 100'000;
  open_with_stream();
  append_transactions(1, 60'000);
  const Position head = queue_->head();
  const Error failure = failure_of([&] { append_transactions(1, 60'000); });
  EXPECT_EQ(failure.kind(), ErrorKind::resource);
  EXPECT_THAT(failure.message(), HasSubstr("[queue] max_bytes"));
  EXPECT_THAT(failure.hint(), HasSubstr("[queue] max_bytes"));
  EXPECT_EQ(queue_->head(), head);
  EXPECT_THAT(sequence_numbers(), ElementsAre(0, 1));
  queue_->append({{}, {}, {12345}, std::nullopt});  // what needs no room goes on
  EXPECT_EQ(queue_->stream_record().confirm_lsn, Lsn{12345});

  // What the parent has applied gives way before its time.
  queue_->acknowledge(head);
  append_transactions(1, 60'000);
  EXPECT_EQ(sequence_numbers().back(), 2U);
}

TEST_F(FileTest, LeavesTheDiskTheSpaceItMustKeep) {
  open_with_stream();
  append_transactions(1, 500'000);
  queue_->acknowledge(queue_->head());
  config_.free_disk_min = uint64_t{1} << 60;
  open();
  append_transactions(1, 100'000);  // takes the place of what was acknowledged
  const Error failure = failure_of([&] { append_transactions(1, 600'000); });
  EXPECT_EQ(failure.kind(), ErrorKind::resource);
  EXPECT_THAT(failure.message(), HasSubstr("[queue] min_free_disk"));
  EXPECT_EQ(queue_->head().seq, 2U);
}

TEST_F(FileTest, GivesBackTheSpaceOfALargeFileThatIsNearlyEmpty) {
  config_.keep = std::chrono::seconds(0);
  open_with_stream();
  for (int i = 0; i < 70; ++i) append_transactions(1, 1 << 20);
  ASSERT_GT(queue_->stats().file_bytes, 64U << 20);
  append_transactions(1, 1000);
  queue_->acknowledge(queue_->head());
  EXPECT_LT(queue_->stats().file_bytes, 4U << 20);
  append_transactions(1);
  EXPECT_EQ(sequence_numbers().back(), 72U);
}

// A disk of 24 MiB where the system lets a test mount one, otherwise a file that cannot grow beyond as much.
class FullDiskTest : public QueueTest {
 protected:
  FullDiskTest() {
    is_mounted_ = enter_own_namespace() && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                  mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=24m") == 0;
    if (!is_mounted_) options_.pages_max = 24 << 8;
    options_.ballast_bytes = 8 << 20;
  }
  ~FullDiskTest() override {
    queue_.reset();
    if (is_mounted_) umount(directory_.c_str());
  }
  static bool enter_own_namespace() {
    if (geteuid() == 0) return unshare(CLONE_NEWNS) == 0;
    const std::string user = std::to_string(geteuid()), group = std::to_string(getegid());
    if (unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << "0 " + user + " 1";
    std::ofstream("/proc/self/gid_map") << "0 " + group + " 1";
    return geteuid() == 0;
  }
  void fill() {
    for (int i = 0; i < 100; ++i) append_transactions(1, 1 << 20);
  }
  bool is_mounted_ = false;
};

TEST_F(FullDiskTest, LosesNothingAndGoesOnWhenThereIsRoomAgain) {
  open_with_stream();
  ASSERT_TRUE(std::filesystem::exists(config_.path + ".ballast"));
  EXPECT_EQ(failure_of([&] { fill(); }).kind(), ErrorKind::resource);
  const Position head = queue_->head();
  EXPECT_GT(head.seq, 3U);
  EXPECT_EQ(sequence_numbers().back(), head.seq);
  EXPECT_EQ(failure_of([&] { fill(); }).kind(), ErrorKind::resource);
  EXPECT_EQ(queue_->head(), head);

  open();
  EXPECT_EQ(queue_->head(), head);
  queue_->acknowledge(head);
  for (int i = 0; i < 3; ++i) append_transactions(1, 1 << 20);
  EXPECT_TRUE(std::filesystem::exists(config_.path + ".ballast"));
  EXPECT_EQ(queue_->head().seq, head.seq + 3);
  EXPECT_EQ(queue_->stats().batches, 3U);
}

TEST_F(FullDiskTest, MakesRoomByDeletingWhatTheParentHasApplied) {
  open_with_stream();
  for (int i = 0; i < 50; ++i) {
    append_transactions(1, 1 << 20);
    queue_->acknowledge(queue_->head());
  }
  EXPECT_EQ(queue_->head().seq, 50U);
  EXPECT_LE(std::filesystem::file_size(config_.path), 24U << 20);
}

}  // namespace
}  // namespace tributary
