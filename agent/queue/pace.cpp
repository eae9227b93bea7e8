#include "queue/pace.h"

namespace tributary {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(16);
constexpr uint64_t kDense = 12;  // transactions in one interval: about 750 a second

}  // namespace

AppendPace::Clock::time_point AppendPace::next_after(Clock::time_point now, uint64_t transactions) {
  const auto since_last = now - last_;
  last_ = now;
  // They came in the time since the last append, or faster.
  const bool is_dense = since_last <= kInterval * 2 && transactions * kInterval >= kDense * since_last;
  return is_dense ? now + kInterval : now;
}

}  // namespace tributary
