#include "flow/stream_progress.h"

#include <algorithm>
#include <utility>

namespace tributary {
namespace {

constexpr size_t kTimesMax = 64;
constexpr int64_t kTimeStep = 100;  // milliseconds

}  // namespace

void StreamProgress::begin_run(Lsn log, const Position& head, int64_t committed_at, std::set<std::string> held) {
  ++run_;
  held_ = std::move(held);
  log_ = log;
  if (head.stream != head_.stream) times_.clear();
  std::erase_if(times_, [&](const Captured& captured) { return captured.seq > head.seq; });
  if (times_.empty() && committed_at != 0) times_.push_back({head.seq, committed_at});
  head_ = head;
}

void StreamProgress::captured(Lsn log, const Position& head, int64_t now) {
  log_ = std::max(log_, log);
  if (head.seq == head_.seq) return;
  head_ = head;
  if (!times_.empty() && now - times_.back().since < kTimeStep) {
    times_.back().seq = head.seq;
    return;
  }
  times_.push_back({head.seq, now});
  if (times_.size() <= kTimesMax) return;
  // Two become one each, so that what is new stays exact.
  std::deque<Captured> fewer;
  for (size_t i = 0; i + 1 < times_.size(); i += 2) fewer.push_back({times_[i + 1].seq, times_[i].since});
  if (times_.size() % 2 == 1) fewer.push_back(times_.back());
  times_ = std::move(fewer);
}

double StreamProgress::seconds_behind(uint64_t seq, int64_t now) const {
  const auto first = std::find_if(times_.begin(), times_.end(), [&](const Captured& some) { return some.seq > seq; });
  if (seq >= head_.seq || first == times_.end()) return 0;
  return std::max(0.0, static_cast<double>(now - first->since) / 1000);
}

}  // namespace tributary
