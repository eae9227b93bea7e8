// Pings on a silent link, and the notice that the peer is gone, for either end of a session.
//
// Any byte is a sign of life: a frame with a large row takes minutes on a narrow link, and the peer's pings wait behind
// it. A link that carries something is not pinged, except now and then to learn its round trip.
#pragma once

#include <optional>
#include <string>

#include "base/signal.h"
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
  // Has the pong sent by `run`. Whoever reads must not wait for it: it waits behind a large frame that is being
  // written.
  void answer(const link::Ping& ping);

 private:
  Task<> send_pongs();
  Task<> ping_when_silent();
  Task<> watch_for_silence();
  Task<> ping();

  Link& link_;
  std::string peer_;
  Clock::duration interval_;
  std::optional<link::Ping> unanswered_;  // the newest
  std::optional<Signal> has_unanswered_;
};

}  // namespace tributary
