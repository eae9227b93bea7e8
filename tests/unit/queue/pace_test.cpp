#include "queue/pace.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

using namespace std::chrono_literals;

class PaceTest : public testing::Test {
 protected:
  // How long the append after one of `transactions` waits, when such a one begins every `interval`.
  AppendPace::Clock::duration pause(uint64_t transactions, AppendPace::Clock::duration interval) {
    AppendPace::Clock::duration pause{};
    for (const auto end = now_ + 200ms; now_ < end;) {
      now_ += interval;
      pause = pace_.next_after(now_, transactions) - now_;
    }
    return pause;
  }

  AppendPace pace_;
  AppendPace::Clock::time_point now_{1h};
};

TEST_F(PaceTest, ALoneTransactionIsFollowedAtOnce) {
  EXPECT_EQ(pace_.next_after(now_, 1), now_);
  EXPECT_EQ(pause(1, 5ms), 0ms);
  EXPECT_EQ(pause(1, 2ms), 0ms);
}

TEST_F(PaceTest, DenseOnesAreGathered) {
  EXPECT_GT(pause(1, 500us), 10ms);
  EXPECT_GT(pause(30, 16ms), 10ms) << "and stay so when they are gathered";
}

TEST_F(PaceTest, AFewThatComeTogetherAreNot) {
  for (int i = 0; i < 100; ++i) {
    now_ += 20ms;
    for (int j = 0; j < 4; ++j) {
      now_ += 100us;
      ASSERT_EQ(pace_.next_after(now_, 1), now_);
    }
  }
}

TEST_F(PaceTest, ABurstAfterAPauseIsNot) {
  pause(30, 16ms);
  EXPECT_EQ(pace_.next_after(now_ + 1s, 30), now_ + 1s);
}

}  // namespace
}  // namespace tributary
