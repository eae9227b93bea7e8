#include "monitor/words.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <ctime>

namespace tributary {
namespace {

TEST(WordsTest, CountsAreGrouped) {
  EXPECT_EQ(count_in_words(0), "0");
  EXPECT_EQ(count_in_words(999), "999");
  EXPECT_EQ(count_in_words(1000), "1,000");
  EXPECT_EQ(count_in_words(1234567), "1,234,567");
  EXPECT_EQ(count_in_words(1, "batch", "batches"), "1 batch");
  EXPECT_EQ(count_in_words(0, "batch", "batches"), "0 batches");
}

TEST(WordsTest, AgesHaveTheUnitThatPeopleWouldTake) {
  EXPECT_EQ(age_in_words(0), "0 s");
  EXPECT_EQ(age_in_words(-3), "0 s");
  EXPECT_EQ(age_in_words(NAN), "0 s");
  EXPECT_EQ(age_in_words(0.42), "0.4 s");
  EXPECT_EQ(age_in_words(12.3), "12 s");
  EXPECT_EQ(age_in_words(240), "4 min");
  EXPECT_EQ(age_in_words(3 * 3600 + 5 * 60), "3 h 5 min");
  EXPECT_EQ(age_in_words(12 * 86400.0), "12 days");
  EXPECT_NE(age_in_words(INFINITY), "");
}

TEST(WordsTest, TimesFarAwayHaveTheirDate) {
  setenv("TZ", "UTC", 1);
  tzset();
  const int64_t noon = 1'770'120'180'000;  // 2026-02-03 12:03 UTC
  EXPECT_EQ(time_in_words(noon, noon + 1000), "12:03");
  EXPECT_EQ(time_in_words(noon, noon + 86'400'000), "2026-02-03 12:03");
  EXPECT_EQ(since_in_words(noon, noon + 240'000), "12:03 (4 min)");
  EXPECT_NE(time_in_words(INT64_MAX, INT64_MAX), "");
}

}  // namespace
}  // namespace tributary
