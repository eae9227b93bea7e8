#include "base/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/system/system_error.hpp>
#include <future>
#include <thread>

#include "unit/base/run.h"

namespace tributary {
namespace {

using namespace std::chrono_literals;

TEST(Worker, RunsAJobOnItsOwnNamedThreadAndReturnsItsResult) {
  auto story = []() -> Task<> {
    Worker worker("queue writer");
    const auto here = std::this_thread::get_id();
    auto job = [&] {
      EXPECT_NE(std::this_thread::get_id(), here);
      char name[16] = {};
      pthread_getname_np(pthread_self(), name, sizeof(name));
      return std::string(name);
    };
    const std::string name = co_await worker.run(job);
    EXPECT_EQ(name, "queue writer");
    EXPECT_EQ(std::this_thread::get_id(), here) << "the coroutine goes on where it was";
  };
  run(story());
}

TEST(Worker, AJobsFailureIsTheAwaitingCoroutines) {
  auto story = []() -> Task<> {
    Worker worker("worker");
    co_await worker.run([] { throw Error(ErrorKind::resource, "the disk is full"); });
  };
  EXPECT_EQ(failure_of(story()), "the disk is full");
}

TEST(Worker, JobsOfSeveralCoroutinesRunOneAtATimeInOrder) {
  auto story = []() -> Task<> {
    Worker worker("worker");
    std::vector<int> order;
    std::atomic<int> running = 0;
    auto work = [&](int number) -> Task<> {
      auto job = [&, number] {
        EXPECT_EQ(++running, 1);
        std::this_thread::sleep_for(2ms);
        order.push_back(number);
        --running;
      };
      co_await worker.run(job);
      if (number < 3) co_await sleep_for(1h);
    };
    co_await until_one_ends(work(1), work(2), work(3));
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  };
  run(story());
}

// The job refers to the awaiting coroutine's locals.
TEST(Worker, AJobThatHasBegunIsFinishedBeforeACancelledCoroutineEnds) {
  auto story = []() -> Task<> {
    Worker worker("worker");
    std::atomic<bool> is_begun = false;
    std::atomic<bool> is_finished = false;
    bool was_finished_at_end = false;
    auto wait_for_job = [&]() -> Task<> {
      const std::shared_ptr<void> at_end(nullptr, [&](void*) { was_finished_at_end = is_finished; });
      auto job = [&] {
        is_begun = true;
        std::this_thread::sleep_for(50ms);
        is_finished = true;
      };
      co_await worker.run(job);
      co_await sleep_for(1h);
    };
    auto cancel = [&]() -> Task<> {
      while (!is_begun) co_await sleep_for(1ms);
    };
    co_await until_one_ends(wait_for_job(), cancel());
    EXPECT_TRUE(was_finished_at_end);
  };
  run(story());
}

TEST(Worker, NoJobRunsAfterItsCoroutineWasCancelledAndEnded) {
  auto story = []() -> Task<> {
    Worker worker("worker");
    std::atomic<bool> is_open = false;
    std::atomic<int> runs = 0;
    auto first = [&]() -> Task<> {
      auto job = [&] {
        while (!is_open) std::this_thread::sleep_for(1ms);
      };
      co_await worker.run(job);
      co_await sleep_for(1h);
    };
    auto cancelled_in_the_queue = [&]() -> Task<> {
      auto second = [&]() -> Task<> { co_await worker.run([&] { ++runs; }); };
      auto open_later = [&]() -> Task<> {
        co_await sleep_for(5ms);
        is_open = true;
        co_await sleep_for(1h);
      };
      co_await until_one_ends(until_one_ends(second(), sleep_for(2ms)), open_later());
    };
    co_await until_one_ends(first(), cancelled_in_the_queue());
    const int runs_at_end = runs;
    co_await worker.run([] {});
    EXPECT_EQ(runs, runs_at_end);
  };
  run(story());
}

TEST(Worker, ACancellationThatMeetsTheJobsEndIsHarmless) {
  auto story = []() -> Task<> {
    Worker worker("worker");
    std::atomic<bool> is_finished = false;
    auto work = [&]() -> Task<> {
      auto job = [&] {
        is_finished = true;
        return std::string(100, 'x');
      };
      co_await worker.run(job);
      co_await sleep_for(1h);
    };
    auto cancel = [&]() -> Task<> {
      while (!is_finished) std::this_thread::yield();
      co_return;
    };
    for (int i = 0; i < 5000; ++i) {
      is_finished = false;
      co_await until_one_ends(work(), cancel());
    }
  };
  run(story());
}

TEST(Worker, IsGoneOnlyAfterTheRunningJob) {
  std::atomic<bool> is_finished = false;
  asio::io_context context;
  {
    Worker worker("worker");
    std::promise<void> begun;
    auto work = [&]() -> Task<> {
      auto job = [&] {
        begun.set_value();
        std::this_thread::sleep_for(20ms);
        is_finished = true;
      };
      co_await worker.run(job);
    };
    asio::co_spawn(context, work(), [](std::exception_ptr) {});
    context.poll();
    begun.get_future().wait();
  }
  EXPECT_TRUE(is_finished);
}

}  // namespace
}  // namespace tributary
