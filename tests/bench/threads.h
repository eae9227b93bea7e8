// Threads whose failures are the caller's.
#pragma once

#include <deque>
#include <exception>
#include <thread>
#include <utility>

namespace tributary::test {

class Threads {
 public:
  Threads() = default;
  ~Threads() { wait(); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  template <typename Function>
  void start(Function function) {
    Running& running = running_.emplace_back();
    running.thread = std::thread([&failure = running.failure, function = std::move(function)] {
      try {
        function();
      } catch (...) {
        failure = std::current_exception();
      }
    });
  }
  void wait() {
    for (Running& running : running_) {
      if (running.thread.joinable()) running.thread.join();
    }
  }
  // After wait(): the first failure, if there is one.
  void rethrow_failure() const {
    for (const Running& running : running_) {
      if (running.failure) std::rethrow_exception(running.failure);
    }
  }

 private:
  struct Running {
    std::exception_ptr failure;
    std::thread thread;
  };
  std::deque<Running> running_;  // in place, while threads use them
};

}  // namespace tributary::test
