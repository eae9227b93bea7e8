// What of a backlog is read in bulk, and how far at a time.
#include "source/wal_backlog.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

constexpr uint64_t kMiB = 1 << 20;

std::optional<Lsn> end_after(uint64_t restart, uint64_t confirmed, uint64_t log_end) {
  return end_of_next_stretch({Lsn{restart * kMiB}, Lsn{confirmed * kMiB}, Lsn{log_end * kMiB}});
}

TEST(EndOfNextStretch, nothing_where_the_end_of_the_log_is_near) {
  EXPECT_EQ(end_after(100, 100, 100), std::nullopt);
  EXPECT_EQ(end_after(90, 100, 115), std::nullopt);
}

TEST(EndOfNextStretch, the_end_of_the_log_where_it_is_not_far) {
  EXPECT_EQ(end_after(90, 100, 116), Lsn{116 * kMiB});
  EXPECT_EQ(end_after(90, 100, 164), Lsn{164 * kMiB});
}

TEST(EndOfNextStretch, bounded_where_the_log_is_long) {
  EXPECT_EQ(end_after(90, 100, 5000), Lsn{164 * kMiB});
}

TEST(EndOfNextStretch, nothing_where_much_before_it_would_be_put_together_again) {
  EXPECT_EQ(end_after(100, 300, 5000), std::nullopt);
  EXPECT_EQ(end_after(100, 292, 5000), Lsn{356 * kMiB});
}

}  // namespace
}  // namespace tributary
