// The accept corridor: children to PostgreSQL.
//
//   child ══TLS══▶ intake session ─▶ lane ─▶ PostgreSQL       and back: what is committed is acknowledged
//
// Every child has a session and a lane of its own; a slow, held or lying child keeps nobody else waiting.
#pragma once

#include "base/task.h"
#include "config/config.h"
#include "monitor/status_board.h"

namespace tributary {

// Listens and serves until cancelled or until listening fails (Error(setup) when the address is taken).
Task<> accept_children(const Config& config, StatusBoard& board);

}  // namespace tributary
