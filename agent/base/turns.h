// One at a time: what coroutines of one io_context change across a wait. In the order in which they came.
#pragma once

#include <list>
#include <memory>

#include "base/signal.h"

namespace tributary {

class Turns {
 public:
  // Waits until it is the caller's turn, which lasts as long as what is returned; this must outlive it.
  Task<std::shared_ptr<void>> take() {
    Signal free(co_await asio::this_coro::executor);
    const auto place = waiting_.insert(waiting_.end(), &free);
    const std::shared_ptr<void> leave(nullptr, [this, place](void*) {
      waiting_.erase(place);
      wake_next();  // perhaps this one was woken, and cancelled
    });
    while (is_taken_ || waiting_.front() != &free) co_await free.wait();
    is_taken_ = true;
    std::shared_ptr<void> turn(nullptr, [this](void*) {
      is_taken_ = false;
      wake_next();
    });
    co_return turn;
  }
  size_t waiting() const { return waiting_.size(); }

 private:
  void wake_next() {
    if (!is_taken_ && !waiting_.empty()) waiting_.front()->notify();
  }

  bool is_taken_ = false;
  std::list<Signal*> waiting_;
};

}  // namespace tributary
