// A named thread that does what blocks or burns CPU (SQLite commits, compression), one job at a time, in order.
// Owned by the object that needs it; awaited from a coroutine, which continues on its own executor.
#pragma once

#include <pthread.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <optional>
#include <string>

#include "base/task.h"

namespace tributary {

class Worker {
 public:
  explicit Worker(const std::string& name) : pool_(1) {
    asio::post(pool_, [name] { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); });
  }
  // Waits for the running job; a job that has not begun is not run.
  ~Worker() {
    pool_.stop();
    pool_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs `job()` on the thread and returns its result or rethrows its exception. Every job is run to its end before
  // this returns, also when the awaiting coroutine is cancelled: it may refer to the caller's locals.
  template <typename Job>
  auto run(Job job) -> Task<std::invoke_result_t<Job&>> {
    using Result = std::invoke_result_t<Job&>;
    std::exception_ptr failure;
    if constexpr (std::is_void_v<Result>) {
      const std::function<void()> step = [&] { job(); };
      co_await run_on_thread(step, failure);
      if (failure) std::rethrow_exception(failure);
    } else {
      std::optional<Result> result;
      const std::function<void()> step = [&] { result.emplace(job()); };
      co_await run_on_thread(step, failure);
      if (failure) std::rethrow_exception(failure);
      co_return std::move(*result);
    }
  }

 private:
  // Not by co_spawn on the pool: Asio 1.81 hands a cancellation over to the pool's thread, where it may come after the
  // coroutine's end, and then touches what is freed. A posted function has no cancellation.
  Task<> run_on_thread(const std::function<void()>& step, std::exception_ptr& failure) {
    auto initiate = [this, &step, &failure](auto handler) {
      auto work = asio::make_work_guard(asio::get_associated_executor(handler));
      auto do_step = [&step, &failure, work = std::move(work), handler = std::move(handler)]() mutable {
        try {
          step();
        } catch (...) {
          failure = std::current_exception();
        }
        asio::post(work.get_executor(), std::move(handler));
      };
      asio::post(pool_, std::move(do_step));
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(initiate, asio::use_awaitable);
  }

  asio::thread_pool pool_;
};

}  // namespace tributary
