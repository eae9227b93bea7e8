#include "uplink/window.h"

#include "base/error.h"

namespace tributary {

void Window::sent(const Position& to, bool is_last_part, uint64_t bytes) {
  sent_bytes_ += bytes;
  if (!is_last_part) return;
  sent_ = to;
  in_flight_.push_back({to, sent_bytes_});
}

bool Window::acknowledged(const Position& applied, uint64_t consumed_bytes) {
  if (consumed_bytes > sent_bytes_ || consumed_bytes < consumed_bytes_)
    throw Error(ErrorKind::protocol, "the parent acknowledged bytes that were not sent");
  const auto refuse = [&] {
    throw Error(ErrorKind::protocol, "the parent acknowledged position " + applied.to_string() +
                                         ", which is not between the applied and the sent one");
  };
  bool is_moved = false;
  if (applied != applied_) {
    // Positions are ordered only inside their stream: a batch of another stream is found by its end.
    std::deque<Sent> left = in_flight_;
    while (!left.empty() && left.front().to != applied &&
           (left.front().to.stream != applied.stream || left.front().to.seq < applied.seq))
      left.pop_front();
    if (left.empty() || left.front().to.stream != applied.stream) refuse();
    if (applied.stream == applied_.stream && applied.seq <= applied_.seq) refuse();
    if (left.front().to == applied)
      left.pop_front();
    else if (left.front().to.seq == applied.seq)
      refuse();  // the same number, another history
    in_flight_ = std::move(left);
    applied_ = applied;
    is_moved = true;
  }
  consumed_bytes_ = consumed_bytes;
  return is_moved;
}

bool Window::acknowledged_batches(uint32_t batches, uint32_t chain) {
  if (batches == 0) return false;
  if (batches > in_flight_.size())
    throw Error(ErrorKind::protocol, "the parent acknowledged batches that were not sent");
  const Sent reached = in_flight_[batches - 1];
  if (static_cast<uint32_t>(reached.to.chain) != chain)
    throw Error(ErrorKind::protocol, "the parent applied another history than " + reached.to.to_string());
  return acknowledged(reached.to, reached.bytes);
}

}  // namespace tributary
