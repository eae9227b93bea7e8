// What `check` finds out about the way to the parent: who answers at each endpoint, whether both sides believe each
// other's certificates, what the running agent says of its session, and how far apart the clocks are.
//
// A connection of its own, which ends after the handshake: without a greeting the parent takes no notice of a node, so
// the running agent's session goes on. A parent that is not there yet is a warning.
#pragma once

#include <status.pb.h>

#include "base/task.h"
#include "config/config.h"
#include "source/finding.h"

namespace tributary {

Task<> check_link(const Config& config, Findings& findings);

// What the agent that runs here says, if one does. Blocks for ten seconds at most.
void check_running_agent(const Config& config, Findings& findings);

// --- pure part ---

void check_session(const status::NodeStatus& agent, const std::string& parent, Findings& findings);

}  // namespace tributary
