// Pings on a silent link, and the notice that the peer is gone, for either end of a session.
//
// Any byte is a sign of life: a frame with a large row takes minutes on a narrow link, and the peer's pings wait behind
// it. A link that carries something is not pinged, except now and then to learn its round trip.
#pragma once

#include <string>

#include "wire/tls.h"

namespace tributary {

class Heartbeat {
 public:
  // `peer`: "the parent", "the child". `interval`: how long the link may be silent in a direction. `link` must outlive
  // this.
  Heartbeat(Link& link, std::string peer, Clock::duration interval)
      : link_(link), peer_(std::move(peer)), interval_(interval) {}

  // Pings where it has to, and ends with Error(connection) when nothing was heard for kSilenceMax.
  Task<> run();
  Task<> answer(const link::Ping& ping);

 private:
  Task<> ping_when_silent();
  Task<> watch_for_silence();
  Task<> ping();

  Link& link_;
  std::string peer_;
  Clock::duration interval_;
};

}  // namespace tributary
