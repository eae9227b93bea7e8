// A wake-up between coroutines of one io_context. Sticky: a notify before the wait is not lost; several count as one.
#pragma once

#include <boost/asio/as_tuple.hpp>

#include "base/task.h"

namespace tributary {

class Signal {
 public:
  explicit Signal(const asio::any_io_executor& executor) : timer_(executor, Clock::time_point::max()) {}

  void notify() {
    is_set_ = true;
    timer_.cancel();
  }
  void forget() { is_set_ = false; }
  // One waiter at a time.
  Task<> wait() {
    timer_.expires_at(Clock::time_point::max());  // a cancelled wait_for left its limit
    while (!is_set_) co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    is_set_ = false;
  }
  // As wait, but returns false when `limit` passed first.
  Task<bool> wait_for(Clock::duration limit) {
    const auto until = Clock::now() + limit;
    timer_.expires_at(until);
    while (!is_set_ && Clock::now() < until) co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    timer_.expires_at(Clock::time_point::max());
    const bool was_set = is_set_;
    is_set_ = false;
    co_return was_set;
  }

 private:
  asio::steady_timer timer_;
  bool is_set_ = false;
};

}  // namespace tributary
