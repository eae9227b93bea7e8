// Keeps what is known of the nodes above up to date: from what the parent says, and what capture has done, to the
// status and to the children.
//
//   uplink, capture, intake ─notify─▶ TierWatch ─▶ Above, Ladder ─▶ status, sessions of children
//
// Costs a question to the database at most four times a second, only while children send, and only where there is a
// parent.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/signal.h"
#include "config/config.h"
#include "flow/above.h"
#include "flow/ladder.h"
#include "flow/pauses.h"
#include "flow/refresh_state.h"
#include "flow/stream_progress.h"
#include "monitor/status_board.h"

namespace tributary {

struct TierState {
  explicit TierState(const asio::any_io_executor& executor) : news(executor) {}
  Signal news;              // something of all this may have changed
  StreamProgress progress;  // of capture
  Above above;
  Ladder ladder;
  std::map<std::string, Signal*> sessions;  // of children: notified when the ladder says something new of them
};

// Never returns, except by an exception: then it may be called again. `in_force` may become another one meanwhile.
Task<> watch_tiers(const std::shared_ptr<const Config>& in_force, TierState& tiers, RefreshState& refresh,
                   const Pauses& pauses, StatusBoard& board);

}  // namespace tributary
