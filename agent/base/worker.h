// A named thread that does what blocks or burns CPU (SQLite commits, compression), one job at a time, in order.
// Owned by the object that needs it; awaited from a coroutine, which continues on its own executor.
#pragma once

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
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

  // Runs `job()` on the thread and returns its result or rethrows its exception. A job that has begun is always
  // finished before this returns, also when the awaiting coroutine is cancelled: it may refer to the caller's locals.
  template <typename Job>
  auto run(Job job) -> Task<std::invoke_result_t<Job&>> {
    using Result = std::invoke_result_t<Job&>;
    co_return co_await asio::co_spawn(
        pool_, [job = std::move(job)]() mutable -> Task<Result> { co_return job(); }, asio::use_awaitable);
  }

 private:
  asio::thread_pool pool_;
};

}  // namespace tributary
