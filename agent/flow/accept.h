// The accept corridor: children to PostgreSQL.
//
//   child ══TLS══▶ intake session ─▶ lane ─▶ PostgreSQL       and back: what is committed is acknowledged
//
// Every child has a session and a lane of its own; a slow, held or lying child keeps nobody else waiting.
#pragma once

#include <functional>
#include <string>

#include "base/task.h"
#include "config/config.h"
#include "monitor/status_board.h"

namespace tributary {

// What can be asked of the parent's side about its children while it runs.
class ChildWalks {
 public:
  // Has the child refresh a table here from its beginning; at the end, what the child does not have is deleted, if
  // `may_delete_extra`, however many rows that are. Returns what is to be said to the person who asked for it.
  std::string resync(const std::string& child, const std::string& table, bool may_delete_extra) {
    return resync_ ? resync_(child, table, may_delete_extra) : "the intake does not run";
  }

  using Resync = std::function<std::string(const std::string&, const std::string&, bool)>;
  void set(Resync resync) { resync_ = std::move(resync); }

 private:
  Resync resync_;
};

// Listens and serves until cancelled or until listening fails (Error(setup) when the address is taken).
// `walks` answers meanwhile.
Task<> accept_children(const Config& config, StatusBoard& board, ChildWalks* walks = nullptr);

}  // namespace tributary
