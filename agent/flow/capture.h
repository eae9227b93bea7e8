// The capture corridor: the source's write-ahead log to disk.
//
//   PostgreSQL ══replication══▶ assembler ─▶ queue       and back: what the queue has fsynced is confirmed
//
// One call of `capture_once` is one attempt: it connects, finds out whether the stream can be continued (or begins a
// new one), and streams until something fails or the server shuts down. The retry loop around it starts anew. Nothing
// is drained at the end of an attempt: what was not stored comes again.
#pragma once

#include <functional>

#include "base/worker.h"
#include "config/config.h"
#include "flow/pauses.h"
#include "flow/refresh_state.h"
#include "flow/stream_progress.h"
#include "monitor/status_board.h"
#include "queue/queue.h"

namespace tributary {

// What outlives a run.
struct CaptureState {
  RefreshState& refresh;
  Pauses& pauses;  // known
  StreamProgress& progress;
  Signal& progressed;  // notified with `progress`
};

Task<> capture_once(const Config& config, Queue& queue, Worker& queue_writer, StatusBoard& board, CaptureState state);

}  // namespace tributary
