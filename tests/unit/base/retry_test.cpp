#include "base/retry.h"

#include <gtest/gtest.h>

#include <boost/system/system_error.hpp>
#include <set>

#include "unit/base/run.h"

namespace tributary {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, GrowsFromTheFirstWaitToTheLongestAndNeverPasses) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Backoff backoff(100ms, 15s, seed);
    Clock::duration ceiling = 100ms;
    for (int attempt = 0; attempt < 40; ++attempt) {
      const auto wait = backoff.next();
      EXPECT_LE(wait, ceiling) << "attempt " << attempt;
      EXPECT_GE(wait, ceiling / 10) << "attempt " << attempt;
      ceiling = std::min<Clock::duration>(ceiling * 2, 15s);
    }
  }
}

// A thousand children that lost their parent at the same moment do not come back at the same moment.
TEST(Backoff, IsSpreadOverTheWholeRange) {
  int short_waits = 0, long_waits = 0;
  std::set<Clock::duration> different;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Backoff backoff(1s, 1s, seed);
    const auto wait = backoff.next();
    different.insert(wait);
    short_waits += wait < 325ms;
    long_waits += wait > 775ms;
  }
  EXPECT_GT(different.size(), 990U);
  EXPECT_NEAR(short_waits, 250, 60);
  EXPECT_NEAR(long_waits, 250, 60);
}

TEST(Backoff, BeginsAnewAfterReset) {
  Backoff backoff(10ms, 1h, 1);
  for (int attempt = 0; attempt < 15; ++attempt) backoff.next();
  EXPECT_GT(backoff.next(), 10ms);
  backoff.reset();
  EXPECT_LE(backoff.next(), 10ms);
}

// Attempts end as the script says, one after the other; the last ends the loop.
class RetryLoopTest : public testing::Test {
 protected:
  std::string run_loop(std::vector<std::exception_ptr> script) {
    auto attempt = [&]() -> Task<> {
      began_.push_back(Clock::now());
      if (began_.size() > script.size()) throw Error(ErrorKind::internal, "end of the story");
      if (const auto& failure = script[began_.size() - 1]) std::rethrow_exception(failure);
      co_return;
    };
    loop_.report = [&](const Error& error) { reported_.push_back(error.message()); };
    return failure_of(loop_.run(attempt));
  }
  static std::exception_ptr error(ErrorKind kind, const std::string& message = "failed") {
    return std::make_exception_ptr(Error(kind, message));
  }

  RetryLoop loop_{.what = "story", .first = 1ms, .max = 2ms, .report = {}};
  std::vector<Clock::time_point> began_;
  std::vector<std::string> reported_;
};

TEST_F(RetryLoopTest, TriesAgainAfterEveryFailureThatMayPass) {
  EXPECT_EQ(run_loop({error(ErrorKind::connection, "a"), error(ErrorKind::resource, "b"),
                      error(ErrorKind::protocol, "c"), error(ErrorKind::stream_lost, "d"), error(ErrorKind::data, "e"),
                      error(ErrorKind::refused, "f"), error(ErrorKind::setup, "g")}),
            "end of the story");
  EXPECT_EQ(reported_, (std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g"}));
}

TEST_F(RetryLoopTest, AFailureThatAnotherTryCannotMendLeavesTheLoop) {
  EXPECT_EQ(run_loop({error(ErrorKind::connection), error(ErrorKind::config, "no such table")}), "no such table");
  EXPECT_EQ(began_.size(), 2U);
  EXPECT_EQ(reported_.size(), 1U);
}

TEST_F(RetryLoopTest, AFailureOfTheNetworkIsOneOfTheConnection) {
  const auto reset = std::make_exception_ptr(boost::system::system_error(asio::error::connection_reset));
  EXPECT_EQ(run_loop({reset}), "end of the story");
  EXPECT_EQ(reported_, std::vector<std::string>{boost::system::error_code(asio::error::connection_reset).message()});
}

TEST_F(RetryLoopTest, AnAttemptThatEndsWithoutFailureIsRepeatedWithoutAReport) {
  EXPECT_EQ(run_loop({nullptr, nullptr}), "end of the story");
  EXPECT_EQ(began_.size(), 3U);
  EXPECT_TRUE(reported_.empty());
}

TEST_F(RetryLoopTest, WaitsBetweenAttempts) {
  loop_.first = 25ms;
  loop_.max = 25ms;
  run_loop({error(ErrorKind::connection), error(ErrorKind::setup)});
  ASSERT_EQ(began_.size(), 3U);
  EXPECT_GE(began_[1] - began_[0], 2ms);
  // A pause is at least a tenth of `max`, and four times as long where a person has to mend something.
  EXPECT_GE(began_[2] - began_[1], 10ms) << "what only a person can mend is looked at more slowly";
}

TEST_F(RetryLoopTest, AnAttemptThatGotSomethingDoneBeginsTheBackoffAnew) {
  loop_.first = 1ms;
  loop_.max = 10s;
  loop_.has_progressed = [] { return true; };
  run_loop(std::vector<std::exception_ptr>(12, error(ErrorKind::connection)));
  ASSERT_EQ(began_.size(), 13U);
  EXPECT_LT(began_[12] - began_[0], 1s) << "as long as it would take otherwise";
}

TEST_F(RetryLoopTest, EndsWhenCancelledAndReportsNothing) {
  auto attempt = [&]() -> Task<> {
    began_.push_back(Clock::now());
    co_await sleep_for(1h);
  };
  loop_.report = [&](const Error& failure) { reported_.push_back(failure.message()); };
  run(until_one_ends(loop_.run(attempt), sleep_for(5ms)));
  EXPECT_EQ(began_.size(), 1U);
  EXPECT_TRUE(reported_.empty());
}

// The last act of a cancelled attempt may fail in its own words.
TEST_F(RetryLoopTest, AFailureThatFollowsFromCancellationIsNotReported) {
  auto attempt = [&]() -> Task<> {
    try {
      co_await sleep_for(1h);
    } catch (const boost::system::system_error&) {
    }
    throw Error(ErrorKind::connection, "the link is gone");
  };
  loop_.report = [&](const Error& failure) { reported_.push_back(failure.message()); };
  run(until_one_ends(loop_.run(attempt), sleep_for(5ms)));
  EXPECT_TRUE(reported_.empty());
}

TEST_F(RetryLoopTest, EndsWhenCancelledWhileItWaits) {
  loop_.first = 1h;
  loop_.max = 1h;
  auto attempt = [&]() -> Task<> {
    began_.push_back(Clock::now());
    throw Error(ErrorKind::connection, "refused");
    co_return;
  };
  run(until_one_ends(loop_.run(attempt), sleep_for(5ms)));
  EXPECT_EQ(began_.size(), 1U);
}

}  // namespace
}  // namespace tributary
