// What of a backlog is read in bulk, and how far at a time.
#include "source/wal_backlog.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

constexpr uint64_t kMiB = 1 << 20;

std::optional<Lsn> end_after(uint64_t restart, uint64_t confirmed, uint64_t log_end, int stretches = 9) {
  return end_of_next_stretch({false, Lsn{restart * kMiB}, Lsn{confirmed * kMiB}, Lsn{log_end * kMiB}}, stretches);
}

TEST(EndOfNextStretch, nothing_where_the_end_of_the_log_is_near) {
  EXPECT_EQ(end_after(100, 100, 100), std::nullopt);
  EXPECT_EQ(end_after(90, 100, 103), std::nullopt);
}

TEST(EndOfNextStretch, the_end_of_the_log_where_it_is_not_far) {
  EXPECT_EQ(end_after(90, 100, 104), Lsn{104 * kMiB});
  EXPECT_EQ(end_after(90, 100, 316), Lsn{316 * kMiB});
}

TEST(EndOfNextStretch, bounded_where_the_log_is_long) {
  EXPECT_EQ(end_after(90, 100, 5000), Lsn{316 * kMiB});
}

TEST(EndOfNextStretch, short_at_first_so_that_delivery_begins_soon) {
  EXPECT_EQ(end_after(90, 100, 5000, 0), Lsn{108 * kMiB});
  EXPECT_EQ(end_after(90, 100, 5000, 1), Lsn{124 * kMiB});
  EXPECT_EQ(end_after(90, 100, 5000, 2), Lsn{172 * kMiB});
  EXPECT_EQ(end_after(90, 100, 5000, 3), Lsn{316 * kMiB});
  EXPECT_EQ(end_after(90, 100, 5000, 1000), Lsn{316 * kMiB});
}

bool is_far(uint64_t restart, uint64_t received, uint64_t log_end) {
  return is_far_behind({true, Lsn{restart * kMiB}, Lsn{received * kMiB}, Lsn{log_end * kMiB}});
}

TEST(IsFarBehind, beyond_what_is_streamed_in_a_moment) {
  EXPECT_FALSE(is_far(90, 100, 90));
  EXPECT_FALSE(is_far(90, 100, 132));
  EXPECT_TRUE(is_far(90, 100, 133));
}

TEST(IsFarBehind, beyond_what_is_read_again_for_it) {
  EXPECT_FALSE(is_far(100, 300, 500));
  EXPECT_TRUE(is_far(100, 300, 501));
}

TEST(EndOfNextStretch, not_short_where_much_before_it_is_read_again) {
  EXPECT_EQ(end_after(100, 300, 5000, 0), Lsn{320 * kMiB});
  EXPECT_EQ(end_after(100, 300, 5000, 1), Lsn{324 * kMiB});
  EXPECT_EQ(end_after(100, 300, 5000, 2), Lsn{372 * kMiB});
}

TEST(EndOfNextStretch, nothing_where_much_would_be_read_again_for_little) {
  EXPECT_EQ(end_after(100, 300, 320), Lsn{320 * kMiB});
  EXPECT_EQ(end_after(100, 300, 319), std::nullopt);
}

TEST(EndOfNextStretch, ends_where_all_that_is_put_together_would_be_too_much) {
  EXPECT_EQ(end_after(100, 450, 5000), Lsn{612 * kMiB});
  EXPECT_EQ(end_after(100, 565, 5000), Lsn{612 * kMiB});
  EXPECT_EQ(end_after(100, 566, 5000), std::nullopt);
  EXPECT_EQ(end_after(100, 800, 5000), std::nullopt);
}

}  // namespace
}  // namespace tributary
