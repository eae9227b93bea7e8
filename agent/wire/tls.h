// One end of the link: a TLS 1.3 connection that carries whole frames, with certificates verified on both sides.
//
// The child connects, and talks only to a peer whose certificate bears the name of its parent; the parent accepts, and
// asks `peer_names()` which child it has. Names are compared exactly, as DNS names of the certificate (SAN); wildcards
// and common names count for nothing.
//
// Errors: Error(connection) when the network or the peer went away, Error(setup) when a certificate is at fault (which
// one, and why), Error(refused) when the peer is somebody else, Error(protocol) when it does not speak TLS or frames.
// With TLS 1.3 the parent judges the child's certificate after `connect` has returned; its verdict is then thrown by
// the child's first `receive`.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "config/config.h"
#include "link.pb.h"

namespace tributary {

// The node's own certificate and key, and the authorities that it believes. Copies share one context.
class TlsContext {
 public:
  // Reads the files; they are not looked at again. Throws Error(setup) that names the file and what is wrong with it,
  // also when the certificate has expired or does not bear the name of the node.
  TlsContext(const TlsConfig& config, const std::string& node_name);

 private:
  friend class Link;
  struct State;
  std::shared_ptr<State> state_;
};

class Link {
 public:
  // Tries every address of "host:port" or "[address]:port" in turn until one answers within its share of `timeout`.
  static Task<std::unique_ptr<Link>> connect(std::string endpoint, TlsContext context, std::string peer_name,
                                             Clock::duration timeout);
  // The server's side of the handshake. A peer that fails is told why (TLS alert) before this throws.
  static Task<std::unique_ptr<Link>> accept(asio::ip::tcp::socket socket, TlsContext context, Clock::duration timeout);
  ~Link();

  const std::vector<std::string>& peer_names() const;  // DNS names of the peer's certificate
  const std::string& peer_address() const;             // "192.0.2.7:41872"

  // Returns when the frame was handed to the operating system. Any number of coroutines may send at once: frames go out
  // whole, in the order of the calls. After a failure, or when a sender was cancelled, the link sends nothing more.
  Task<> send(const link::Frame& frame);
  // The same for a small frame that is like those before it (wire/frame.h): it takes less of the link, and some time.
  // Larger ones are sent as they are.
  Task<> send_packed(const link::Frame& frame);
  // The next frame. One coroutine at a time; after a failure or cancellation the link must be dropped.
  Task<link::Frame> receive(size_t frame_bytes_max);

  uint64_t bytes_sent() const;  // of frames, before encryption
  uint64_t bytes_received() const;

  // Ends the session so that the peer still reads all that was sent to it (a Refusal above all): half-closes, and
  // waits at most `limit` for the peer to hang up. Then the link is closed. Never throws, except when cancelled.
  // No receive may be under way.
  Task<> finish(Clock::duration limit = std::chrono::seconds(1));
  // Ends it at once; pending calls throw Error(connection).
  void close();

 private:
  struct State;
  explicit Link(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace tributary
