// What a configuration that was read anew means for an agent that runs. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace tributary {

struct ReloadPlan {
  // To be in force: what was read, with the old values of what only a restart can change.
  Config config;
  std::vector<std::string> changes;        // "[[child]] district-c: added": a line each, for people
  std::vector<std::string> needs_restart;  // "[node]", "[queue] path": changed, and still as it was
};

ReloadPlan plan_reload(const Config& now, const Config& read);

// Whether a child's session may go on as it is: nothing in [intake] changed that concerns it.
bool is_same_for_child(const IntakeConfig& before, const IntakeConfig& after, const std::string& child);

}  // namespace tributary
