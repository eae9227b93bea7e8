// Backoff, and the one retry loop of the program.
#pragma once

#include <functional>
#include <random>

#include "base/task.h"

namespace tributary {

// Exponential backoff with full jitter: the n-th wait is uniform in [floor, min(max, first * 2^n)].
class Backoff {
 public:
  Backoff(Clock::duration first, Clock::duration max, uint64_t seed) : first_(first), max_(max), random_(seed) {}
  Clock::duration next();
  void reset() { attempts_ = 0; }

 private:
  Clock::duration first_;
  Clock::duration max_;
  std::mt19937_64 random_;
  uint32_t attempts_ = 0;
};

// Says once what went wrong and what happens next; `report` receives every failure, for the status.
struct RetryLoop {
  std::string what;  // "capture", "link to region-1": the subject of the log lines
  Clock::duration first = std::chrono::milliseconds(200);
  Clock::duration max = std::chrono::seconds(5);
  std::function<void(const Error&)> report;   // may be empty
  std::function<bool()> has_progressed = {};  // whether the attempt that ended got anything done; may be empty

  // Runs `attempt()` again and again, for ever. An attempt that lasted longer than `max`, or got something
  // done, begins the backoff anew. Error(config) and Error(internal) leave the loop; everything else is waited out. The
  // same message is logged once, then each ten minutes.
  Task<> run(std::function<Task<>()> attempt) const;
};

}  // namespace tributary
