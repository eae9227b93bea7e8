// The running agent's Unix socket, for the commands of the same machine.
//
//   client                          server
//   command line, "status\n"  ───▶
//                             ◀───  4-byte big-endian length, answer; then the connection ends
//
// The answer to "status" is a serialized NodeStatus. A command that the server does not know gets no answer.
// Who may open the socket may ask: mode 0660. Ten seconds per connection, eight connections at a time.
#pragma once

#include <status.pb.h>

#include <string>

#include "base/task.h"
#include "monitor/status_board.h"

namespace tributary {

// Makes the socket and serves until cancelled. A socket that a killed agent left is replaced; one that answers, or a
// file that is no socket, is Error(setup). `board` must outlive it.
Task<> serve_control(std::string path, const StatusBoard& board);

// Asks the running agent; blocks for ten seconds at most. Throws Error(connection) when nobody answers, Error(setup)
// when the socket may not be opened by this user, Error(protocol) when the answer cannot be read.
status::NodeStatus fetch_status(const std::string& path);

}  // namespace tributary
