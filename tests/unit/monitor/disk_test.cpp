#include "monitor/disk.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tributary {
namespace {

TEST(DiskTest, AFileThatDoesNotExistYetLiesOnTheDiskOfItsDirectory) {
  EXPECT_GT(free_disk_bytes("/tmp"), 0u);
  EXPECT_GT(free_disk_bytes("/tmp/no such directory/queue.db"), 0u);
  EXPECT_GT(free_disk_bytes("queue.db"), 0u);
}

TEST(DiskTest, APathThroughAFileIsAnError) {
  EXPECT_THROW(free_disk_bytes("/proc/version/queue.db"), Error);
}

}  // namespace
}  // namespace tributary
