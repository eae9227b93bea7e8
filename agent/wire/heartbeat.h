// Pings on an idle link, and the notice that the peer is gone, for either end of a session.
//
// Any byte is a sign of life: a frame with a large row takes minutes on a narrow link, and the peer's pings wait behind
// it.
#pragma once

#include <string>

#include "wire/tls.h"

namespace tributary {

class Heartbeat {
 public:
  // `peer`: "the parent", "the child". `link` must outlive it.
  Heartbeat(Link& link, std::string peer) : link_(link), peer_(std::move(peer)) {}

  // Pings, and ends with Error(connection) when nothing was heard for three intervals.
  Task<> run();
  Task<> answer(const link::Ping& ping);

 private:
  Task<> ping();
  Task<> watch_for_silence();

  Link& link_;
  std::string peer_;
};

}  // namespace tributary
