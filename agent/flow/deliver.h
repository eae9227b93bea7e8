// The deliver corridor: disk to the parent.
//
//   queue ─▶ uplink session ══TLS══▶ parent       and back: the applied position is acknowledged to the queue
//
// One call of `deliver_once` is one session with the parent. Its applied position, looked up in the queue, decides
// where to continue; if it is not there, the stream is broken: that is written down for capture, which begins a new
// one, and Error(stream_lost) is thrown (exact-rules.md 1).
#pragma once

#include <functional>

#include "base/signal.h"
#include "base/worker.h"
#include "config/config.h"
#include "flow/above.h"
#include "flow/parent_view.h"
#include "flow/pauses.h"
#include "monitor/status_board.h"
#include "queue/queue.h"

namespace tributary {

struct Delivery {
  const Config& config;
  Queue& queue;
  Worker& queue_reader;
  Worker& queue_writer;
  StatusBoard& board;
  ParentView& parent;
  Pauses& pauses;
  Above& above;
  Signal& heard;                          // notified when the parent has said something
  Signal& appended;                       // the queue has more
  std::function<void()> restart_capture;  // the stream broke: capture must begin a new one
};

// What outlives a session.
struct DeliveryMemory {
  size_t endpoint = 0;          // the one that worked last; the others are tried after it
  bool has_progressed = false;  // the last session moved the applied position
};

Task<> deliver_once(Delivery delivery, DeliveryMemory& memory);

}  // namespace tributary
