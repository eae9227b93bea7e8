#include "queue/pace.h"

namespace tributary {
namespace {

constexpr auto kPause = std::chrono::milliseconds(16);
constexpr auto kWindow = std::chrono::milliseconds(64);  // two that happen to come together are not dense yet
constexpr uint64_t kDense = 48;                          // transactions in one window: 750 a second

}  // namespace

AppendPace::Clock::time_point AppendPace::next_after(Clock::time_point now, uint64_t transactions) {
  transactions_ += transactions;
  if (const auto elapsed = now - window_begin_; elapsed >= kWindow) {
    is_dense_ = transactions_ * kWindow >= kDense * elapsed;
    window_begin_ = now;
    transactions_ = 0;
  }
  return is_dense_ ? now + kPause : now;
}

}  // namespace tributary
