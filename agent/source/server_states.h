// What PostgreSQL refuses capture, said as a state that a person can mend: its words are for whoever wrote the
// statement, and that was the agent. Pure.
#pragma once

#include <string>

#include "base/error.h"

namespace tributary {

// The same failure with what it means and what mends it, where that is known. `role`: the agent's, as SQL has it.
Error explained(const Error& error, const std::string& role);

}  // namespace tributary
