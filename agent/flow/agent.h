// The agent: constructs everything once, and runs the corridors until it is told to stop.
#pragma once

#include "config/config.h"

namespace tributary {

// Returns the exit code: 0 after SIGTERM or SIGINT, 1 after a failure that trying again cannot mend. Ends within two
// seconds of the signal, at any moment; nothing is drained, because starting again continues from what is durable.
int run_agent(const Config& config);

}  // namespace tributary
