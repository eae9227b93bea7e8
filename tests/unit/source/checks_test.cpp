#include "source/checks.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

constexpr uint64_t kGigabyte = 1ULL << 30;

TEST(SlotLogLimit, IsHalfOfTheFreeDiskWhereThatIsKnown) {
  EXPECT_EQ(slot_log_limit_gigabytes(100 * kGigabyte, kGigabyte), 50u);
  EXPECT_EQ(slot_log_limit_gigabytes(kGigabyte / 4, kGigabyte), 1u) << "0 would let no log be kept";
  EXPECT_EQ(slot_log_limit_gigabytes(std::nullopt, 4 * kGigabyte), 40u);
}

TEST(OutputPluginLibraries, MustNamePgoutput) {
  EXPECT_TRUE(allows_pgoutput("pgoutput, test_decoding"));
  EXPECT_TRUE(allows_pgoutput("test_decoding,\"pgoutput\""));
  EXPECT_FALSE(allows_pgoutput("test_decoding, pgoutput2"));
  EXPECT_FALSE(allows_pgoutput(""));
}

}  // namespace
}  // namespace tributary
