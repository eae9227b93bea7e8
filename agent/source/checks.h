// What would stop a node from working, each with the statement or command that mends it. Read as the agent's own role,
// so that what it finds is what `run` will find.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "postgres/connection.h"

namespace tributary {

enum class Verdict { ok, warning, stops };
const char* name_of(Verdict verdict);

struct Finding {
  Verdict verdict = Verdict::ok;
  std::string what;
  std::string mend;  // empty when ok
};

// The server and the role, whatever the node's place in the hierarchy.
Task<std::vector<Finding>> check_server(Connection& connection, const Config& config);
// What capture needs: the write-ahead log, a free slot, tables and publication prepared.
Task<std::vector<Finding>> check_source(Connection& connection, const Config& config);
// What apply needs: the applied positions, tables that can be written, and conditions `owns` that work for them.
Task<std::vector<Finding>> check_parent(Connection& connection, const Config& config);
// What needs no database: the directory of the queue and the control socket.
std::vector<Finding> check_files(const Config& config);

}  // namespace tributary
