#include "base/turns.h"

#include <gtest/gtest.h>

#include <boost/system/system_error.hpp>

#include "unit/base/run.h"

namespace tributary {
namespace {

using namespace std::chrono_literals;

TEST(Turns, NoneBeginsBeforeTheOneBeforeHasEnded) {
  auto story = []() -> Task<> {
    Turns turns;
    std::string seen;
    auto work = [&](char name) -> Task<> {
      {
        const auto turn = co_await turns.take();
        seen += name;
        co_await sleep_for(2ms);
        seen += name;
      }
      if (name != 'c') co_await sleep_for(1h);
    };
    co_await until_one_ends(work('a'), work('b'), work('c'));
    EXPECT_EQ(seen, "aabbcc");
  };
  run(story());
}

TEST(Turns, OneThatIsCancelledWhileItWaitsKeepsNobodyWaiting) {
  auto story = []() -> Task<> {
    Turns turns;
    auto turn = co_await turns.take();
    auto wait = [&]() -> Task<> {
      try {
        const auto mine = co_await turns.take();
      } catch (const boost::system::system_error&) {
      }
    };
    auto end_the_turn = [&]() -> Task<> {
      co_await sleep_for(1ms);
      turn.reset();  // wakes the one that is cancelled in the same moment
    };
    co_await until_one_ends(wait(), end_the_turn());
    EXPECT_EQ(turns.waiting(), 0u);
    const auto next = co_await turns.take();
    EXPECT_EQ(turns.waiting(), 0u);
  };
  run(story());
}

}  // namespace
}  // namespace tributary
