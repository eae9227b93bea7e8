// `tributary wait`: whether all that was committed at this node before the question is applied above.
//
// Asked again and again by the command, which keeps what was answered before; here nothing is remembered.
#pragma once

#include <status.pb.h>

#include <string>
#include <vector>

#include "base/task.h"
#include "config/config.h"
#include "flow/above.h"
#include "flow/pauses.h"
#include "flow/refresh_state.h"
#include "flow/stream_progress.h"
#include "monitor/status_board.h"

namespace tributary {

struct WhatIsAbove {
  const Config& config;
  RefreshState& refresh;
  const Pauses& pauses;
  const StreamProgress& progress;
  const Above& above;
  StatusBoard& board;
};

// `log` and `place` as the answer before had them, at first empty; `to_top`: not only at the parent. At first the
// database is asked where its log ends, behind every commit that somebody was told of, and the log is written out up to
// there. Never throws; what cannot be known now is said in the answer.
Task<status::WaitReport> look_above(WhatIsAbove known, std::string log, std::string place, bool to_top);

}  // namespace tributary
