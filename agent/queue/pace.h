// When the next append is made. A lone transaction is stored at once; where they come densely, a short wait makes one
// write of many: each write costs the disk a page and more, however little it holds. Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace tributary {

class AppendPace {
 public:
  using Clock = std::chrono::steady_clock;

  // An append of so many transactions began at `now`. Returns the time before which the next one should not begin.
  Clock::time_point next_after(Clock::time_point now, uint64_t transactions);

 private:
  Clock::time_point window_begin_{};
  uint64_t transactions_ = 0;  // since then
  bool is_dense_ = false;      // they were in the window before
};

}  // namespace tributary
