// Bytes on a link, headers included, as the kernel counts them for its connections (inet_diag, tcp(7)'s TCP_INFO). So
// nothing has to stand between the nodes.
//
// Loopback carries segments of 64 kB, a network 1,448 bytes: a connection is charged 52 bytes of TCP and IP headers for
// each segment that was seen, or that a network would need for its payload, whichever are more.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace tributary::test {

// Which connections belong to a link: those that end at the port, and begin at one of the others where these are given.
struct LinkEnd {
  uint16_t server_port;
  std::optional<std::vector<uint16_t>> client_ports = {};
};

class LinkBytes {
 public:
  // Begins to count: what was carried so far does not count.
  explicit LinkBytes(const LinkEnd& end);
  // Looks again. A connection that began in between counts whole; one that has ended, up to the last look.
  void look(const LinkEnd& end);
  // Both directions, up to the last look.
  uint64_t bytes() const;

 private:
  struct Counted {
    uint64_t before;
    uint64_t now;
  };
  std::map<uint64_t, Counted> connections_;  // by the kernel's cookie of the socket
};

// How many connections are established at the server's end.
size_t established_connections(uint16_t server_port);

}  // namespace tributary::test
