// `tributary pause` and `tributary resume` at the running agent: what a name means here, and what a person is told.
#pragma once

#include <status.pb.h>

#include <string>
#include <vector>

#include "config/config.h"
#include "flow/accept.h"
#include "flow/pauses.h"
#include "monitor/status_board.h"

namespace tributary {

// What a person named. Nothing: the node's own sending.
struct PauseTarget {
  std::string table;  // "schema.table"
  std::string child;
};
// `is_child`: a person said that it is one. Throws Error(refused) where the node has nothing of that name, or a table
// and a child.
PauseTarget find_pause_target(const Config& config, const std::string& name, bool is_child);

// What the commands need.
struct PauseDesk {
  const Config& config;
  Pauses& pauses;
  ChildPauses& children;
};
// Return when it is written down, and in force. Never throw.
Task<status::CommandAnswer> pause(PauseDesk desk, std::string name, bool is_child);
Task<status::CommandAnswer> resume(PauseDesk desk, std::string name, bool is_child);

// The pauses of this node's own sending, in its status.
void show_pauses(const Config& config, const Pauses& pauses, StatusBoard& board);

}  // namespace tributary
