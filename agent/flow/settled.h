// Whether a node's tables are settled at its parent: nothing before the applied position has to be compared or sent
// again there. Then what is applied is all there.
#pragma once

#include <string>

#include "config/config.h"
#include "flow/pauses.h"
#include "flow/refresh_state.h"
#include "flow/stream_progress.h"

namespace tributary {

struct Unsettled {
  std::string reason, hint;  // of the first table that is not; empty: all are
  bool is_any() const { return !reason.empty(); }
};

// As the parent said last.
Unsettled find_unsettled(const Config& config, RefreshState& refresh, const Pauses& pauses,
                         const StreamProgress& progress);

}  // namespace tributary
