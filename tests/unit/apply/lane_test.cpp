#include "apply/lane.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(Lane, ALargeTransactionThatIsRefusedAgainAndAgainIsSentAgainMoreRarely) {
  using std::chrono::seconds;
  EXPECT_EQ(pause_after_refusals(1), seconds(15));
  EXPECT_EQ(pause_after_refusals(2), seconds(30));
  EXPECT_EQ(pause_after_refusals(3), seconds(60));
  EXPECT_EQ(pause_after_refusals(6), seconds(300));
  EXPECT_EQ(pause_after_refusals(UINT32_MAX), seconds(300));
}

}  // namespace
}  // namespace tributary
