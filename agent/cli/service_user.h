// Whom a command works as when root starts it: as the agent's own user, so that files that it writes belong to the
// agent, and PostgreSQL's peer authentication knows it.
#pragma once

#include <string>

namespace tributary {

// For the rest of the program, started by root: the user that owns the queue's directory; where there is no such
// directory, the user `tributary`, if there is one. Returns that user's name; empty: nothing was changed, because root
// did not start it, or because the directory is root's own, or the configuration cannot be read, which the command says.
// Throws Error(setup).
std::string become_service_user(const std::string& config_file);

}  // namespace tributary
