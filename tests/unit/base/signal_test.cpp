#include "base/signal.h"

#include <gtest/gtest.h>

#include <boost/system/system_error.hpp>

#include "unit/base/run.h"

namespace tributary {
namespace {

using namespace std::chrono_literals;

TEST(Signal, ANotifyBeforeTheWaitIsNotLost) {
  auto story = []() -> Task<> {
    Signal signal(co_await asio::this_coro::executor);
    signal.notify();
    co_await signal.wait();
    signal.notify();
    const bool was_set = co_await signal.wait_for(1h);
    EXPECT_TRUE(was_set);
  };
  run(story());
}

TEST(Signal, SeveralNotifiesCountAsOne) {
  auto story = []() -> Task<> {
    Signal signal(co_await asio::this_coro::executor);
    signal.notify();
    signal.notify();
    co_await signal.wait();
    const bool was_set = co_await signal.wait_for(1ms);
    EXPECT_FALSE(was_set);
  };
  run(story());
}

TEST(Signal, WakesTheOneThatWaits) {
  auto story = []() -> Task<> {
    Signal signal(co_await asio::this_coro::executor);
    int wakes = 0;
    auto wait_three_times = [&]() -> Task<> {
      co_await signal.wait();
      ++wakes;
      const bool was_set = co_await signal.wait_for(1h);
      EXPECT_TRUE(was_set);
      ++wakes;
      co_await signal.wait();
      ++wakes;
    };
    auto notify_now_and_then = [&]() -> Task<> {
      for (;;) {
        signal.notify();
        co_await sleep_for(1ms);
      }
    };
    co_await until_one_ends(wait_three_times(), notify_now_and_then());
    EXPECT_EQ(wakes, 3);
  };
  run(story());
}

TEST(Signal, SaysWhenTheLimitPassedFirst) {
  auto story = []() -> Task<> {
    Signal signal(co_await asio::this_coro::executor);
    const auto began = Clock::now();
    const bool was_set = co_await signal.wait_for(20ms);
    EXPECT_FALSE(was_set);
    EXPECT_GE(Clock::now() - began, 20ms);
  };
  run(story());
}

// Otherwise the next wait would find the timer expired, for ever, and turn in circles.
TEST(Signal, AWaitWithALimitThatWasCancelledLeavesNoLimitBehind) {
  auto story = []() -> Task<> {
    Signal signal(co_await asio::this_coro::executor);
    auto wait_with_limit = [&]() -> Task<> { co_await signal.wait_for(5ms); };
    co_await until_one_ends(wait_with_limit(), sleep_for(1ms));
    int wakes = 0;
    auto wait = [&]() -> Task<> {
      co_await signal.wait();
      ++wakes;
    };
    auto watch = [&]() -> Task<> {
      co_await sleep_for(10ms);
      const std::clock_t began = std::clock();
      co_await sleep_for(100ms);
      EXPECT_LT(std::clock() - began, CLOCKS_PER_SEC / 20) << "waiting costs processor time";
    };
    co_await until_one_ends(wait(), watch());
    EXPECT_EQ(wakes, 0);
  };
  run(story());
}

TEST(Signal, ACancelledWaitThrowsAndTheNextOneWorks) {
  auto story = []() -> Task<> {
    Signal signal(co_await asio::this_coro::executor);
    bool is_cancelled = false;
    auto wait = [&]() -> Task<> {
      try {
        co_await signal.wait();
      } catch (const boost::system::system_error&) {
        is_cancelled = true;
      }
    };
    co_await until_one_ends(wait(), sleep_for(1ms));
    EXPECT_TRUE(is_cancelled);
    signal.notify();
    co_await signal.wait();
  };
  run(story());
}

}  // namespace
}  // namespace tributary
