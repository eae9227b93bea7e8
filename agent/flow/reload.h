// A new configuration for an agent that runs: whether it may be taken up, and the words for it.
//
// The answer to `tributary reload` is lines: first "loaded" or "refused", then what a person is told. What was refused
// changes nothing: all of a new configuration is taken up, or nothing.
#pragma once

#include "base/task.h"
#include "config/reload.h"

namespace tributary {

// Reads the file of `now` again. Throws Error when something of it will not do: a mistake, its certificates, or, where
// the replication set changed, a database that is not prepared for it.
Task<Config> read_again(const Config& now);

// Each also goes to the log.
std::string answer(const ReloadPlan& plan);
std::string answer(const Error& error);

// For a notice, in one line.
std::string refusal(const Error& error);
std::string waits_for_restart(const ReloadPlan& plan);

}  // namespace tributary
