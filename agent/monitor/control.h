// The running agent's Unix socket, for the commands of the same machine.
//
//   client                          server
//   command line, "status\n"  ───▶
//                             ◀───  4-byte big-endian length, answer; then the connection ends
//
// A line is words with tabs between them. The answer to "status" is a serialized NodeStatus; what others answer their
// functions say. A command that the server does not know gets no answer. Who may open the socket may ask: mode 0660.
// Ten seconds per connection, eight connections at a time.
#pragma once

#include <status.pb.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/task.h"
#include "monitor/status_board.h"

namespace tributary {

// By their first word; each gets the others and returns its answer. None may throw.
using Commands = std::map<std::string, std::function<Task<std::string>(std::vector<std::string>)>>;

// Makes the socket and serves until cancelled. A socket that a killed agent left is replaced; one that answers, or a
// file that is no socket, is Error(setup). `board` must outlive it.
Task<> serve_control(std::string path, const StatusBoard& board, Commands commands);

// Asks the running agent; blocks for ten seconds at most. Throws Error(connection) when nobody answers, Error(setup)
// when the socket may not be opened by this user, Error(protocol) when the answer cannot be read.
status::NodeStatus fetch_status(const std::string& path);

// The answer to another command. Throws as fetch_status does.
std::string ask_agent(const std::string& path, const std::vector<std::string>& words);

}  // namespace tributary
