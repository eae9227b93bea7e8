#include "base/task.h"

#include <gtest/gtest.h>

#include <boost/system/system_error.hpp>
#include <string>
#include <vector>

#include "unit/base/run.h"

namespace tributary {
namespace {

using namespace std::chrono_literals;

// Coroutines that write down what becomes of them.
class TaskTest : public testing::Test {
 protected:
  Task<> returns(std::string who, Clock::duration after) {
    co_await sleep_for(after);
    story_.push_back(who + " returns");
  }
  Task<> fails(std::string who, Clock::duration after) {
    co_await sleep_for(after);
    throw Error(ErrorKind::data, who + " failed");
  }
  Task<> goes_on_for_ever(std::string who) {
    const std::shared_ptr<void> ended(nullptr, [this, who](void*) { story_.push_back(who + " ended"); });
    co_await sleep_for(1h);
  }
  // Does not end at once when cancelled: it has something to finish first.
  Task<> lingers(std::string who) {
    co_await asio::this_coro::throw_if_cancelled(false);
    boost::system::error_code ignored;
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await sleep_for(20ms);
    story_.push_back(who + " finished");
  }
  Task<> fails_when_cancelled(std::string who) {
    try {
      co_await sleep_for(1h);
    } catch (const boost::system::system_error&) {
    }
    throw Error(ErrorKind::internal, who + " failed while it was cancelled");
  }
  Task<int> answers(int number, Clock::duration after) {
    co_await sleep_for(after);
    co_return number;
  }

  std::vector<std::string> story_;
};

TEST_F(TaskTest, TheFirstToEndEndsTheOthers) {
  run(until_one_ends(goes_on_for_ever("one"), returns("two", 1ms), goes_on_for_ever("three")));
  ASSERT_EQ(story_.size(), 3U);
  EXPECT_EQ(story_[0], "two returns");
}

TEST_F(TaskTest, AFailureEndsTheOthersToo) {
  EXPECT_EQ(failure_of(until_one_ends(goes_on_for_ever("one"), fails("two", 1ms))), "two failed");
  EXPECT_EQ(story_, std::vector<std::string>{"one ended"});
}

TEST_F(TaskTest, TheFirstFailureIsToldNotWhatFollowsFromIt) {
  EXPECT_EQ(failure_of(until_one_ends(fails_when_cancelled("one"), fails("two", 1ms))), "two failed");
}

TEST_F(TaskTest, AFailureWhileBeingCancelledIsNotTheOutcome) {
  run(until_one_ends(fails_when_cancelled("one"), returns("two", 1ms)));
  EXPECT_EQ(story_, std::vector<std::string>{"two returns"});
}

TEST_F(TaskTest, WaitsForThoseThatItCancelled) {
  EXPECT_EQ(failure_of(until_one_ends(lingers("one"), fails("two", 1ms))), "two failed");
  EXPECT_EQ(story_, std::vector<std::string>{"one finished"});
}

TEST_F(TaskTest, CancellationFromOutsideReachesEveryTask) {
  EXPECT_EQ(
      failure_of(until_one_ends(until_one_ends(goes_on_for_ever("one"), goes_on_for_ever("two")), fails("three", 1ms))),
      "three failed");
  EXPECT_EQ(story_.size(), 2U);
}

TEST_F(TaskTest, ADeadlineThatIsMetChangesNothing) {
  auto story = [&]() -> Task<> {
    const int number = co_await with_deadline(1h, "asking", answers(7, 1ms));
    EXPECT_EQ(number, 7);
    co_await with_deadline(1h, "working", returns("one", 1ms));
  };
  run(story());
  EXPECT_EQ(story_, std::vector<std::string>{"one returns"});
}

TEST_F(TaskTest, WhatMissesItsDeadlineIsCancelledAndNamed) {
  EXPECT_EQ(failure_of(with_deadline(1ms, "connecting", goes_on_for_ever("one"))), "connecting took too long");
  EXPECT_EQ(story_, std::vector<std::string>{"one ended"});
  auto story = [&]() -> Task<> { co_await with_deadline(1ms, "asking", answers(7, 1h)); };
  EXPECT_EQ(failure_of(story()), "asking took too long");
}

TEST_F(TaskTest, AFailureBeforeTheDeadlineIsTheTasksOwn) {
  EXPECT_EQ(failure_of(with_deadline(1h, "connecting", fails("one", 1ms))), "one failed");
}

TEST_F(TaskTest, CancellationFromOutsideIsNoMissedDeadline) {
  auto story = [&]() -> Task<> {
    try {
      co_await with_deadline(1h, "connecting", goes_on_for_ever("one"));
    } catch (const boost::system::system_error& error) {
      EXPECT_EQ(error.code(), asio::error::operation_aborted);
      story_.push_back("cancelled");
    }
  };
  run(until_one_ends(story(), returns("two", 1ms)));
  EXPECT_EQ(story_, (std::vector<std::string>{"two returns", "one ended", "cancelled"}));
}

}  // namespace
}  // namespace tributary
