#include "config/quantities.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tributary {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(Size, ReadsBinaryAndDecimalUnits) {
  EXPECT_EQ(parse_size("8 GiB"), 8ULL << 30);
  EXPECT_EQ(parse_size("512MiB"), 512ULL << 20);
  EXPECT_EQ(parse_size("64 kB"), 64'000u);
  EXPECT_EQ(parse_size("1.5 KiB"), 1536u);
  EXPECT_EQ(parse_size("2 TiB"), 2ULL << 40);
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("0"), 0u);
}

TEST(Size, RefusesEverythingElse) {
  for (const char* text :
       {"", " ", "GiB", "8 gib", "8 GiB free", "-1", "1.5", "0.3 KiB", "1e6", "inf", "nan", "9999999 TiB", "8 GiB 1"})
    EXPECT_THROW(parse_size(text), Error) << text;
}

TEST(Duration, ReadsSumsOfUnits) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("10m"), milliseconds(600'000));
  EXPECT_EQ(parse_duration("24h"), hours(24));
  EXPECT_EQ(parse_duration("1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("1h 30m"), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("0.5s"), milliseconds(500));
  EXPECT_EQ(parse_duration("7d"), hours(168));
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text : {"", " ", "10", "m", "10 minutes", "-1s", "1h30", "1h,30m", "1e3s", "40000d"})
    EXPECT_THROW(parse_duration(text), Error) << text;
}

TEST(Quantities, ArePrintedForPeople) {
  EXPECT_EQ(format_size(512), "512 B");
  EXPECT_EQ(format_size(8ULL << 30), "8 GiB");
  EXPECT_EQ(format_size(1'500'000), "1.4 MiB");
  EXPECT_EQ(format_duration(milliseconds(40)), "40ms");
  EXPECT_EQ(format_duration(milliseconds(2'500)), "2.5s");
  EXPECT_EQ(format_duration(hours(24)), "1d");
  EXPECT_EQ(format_duration(milliseconds(5'400'000)), "1h30m");
  EXPECT_EQ(format_duration(hours(49) + milliseconds(90'000)), "2d1h");
  EXPECT_EQ(format_duration(milliseconds(3'605'000)), "1h");
  EXPECT_EQ(format_duration(milliseconds(-40)), "-40ms");
}

}  // namespace
}  // namespace tributary
