#include "bench/link_bytes.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace tributary::test {
namespace {

constexpr uint64_t kHeaderBytes = 52;      // IPv4, TCP and its timestamp option
constexpr uint64_t kSegmentBytes = 1'448;  // of payload, on a network with an MTU of 1,500
constexpr uint8_t kEstablished = 1;        // TCP_ESTABLISHED, which linux/tcp.h does not have

struct Connection {
  uint64_t cookie;
  uint16_t client_port;
  uint64_t bytes;
};

struct Socket {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  ~Socket() { ::close(fd); }
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("the kernel's list of connections: " + what + ": " + std::strerror(errno));
}

void ask(const Socket& socket) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 request;
  } message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.request.sdiag_family = AF_INET;
  message.request.sdiag_protocol = IPPROTO_TCP;
  message.request.idiag_states = 1U << kEstablished;
  message.request.idiag_ext = 1U << (INET_DIAG_INFO - 1);
  if (::send(socket.fd, &message, sizeof message, 0) < 0) fail("send");
}

uint64_t direction_bytes(uint64_t payload, uint64_t segments) {
  return payload + kHeaderBytes * std::max(segments, payload / kSegmentBytes);
}

uint64_t bytes_of(const tcp_info& info) {
  return direction_bytes(info.tcpi_bytes_sent, info.tcpi_segs_out) +
         direction_bytes(info.tcpi_bytes_received, info.tcpi_segs_in);
}

Connection connection_of(const nlmsghdr& header) {
  const auto* found = static_cast<const inet_diag_msg*>(NLMSG_DATA(&header));
  Connection connection{(uint64_t{found->id.idiag_cookie[1]} << 32) | found->id.idiag_cookie[0],
                        ntohs(found->id.idiag_dport), 0};
  auto rest = static_cast<int>(header.nlmsg_len - NLMSG_LENGTH(sizeof *found));
  for (auto* attribute = reinterpret_cast<const rtattr*>(found + 1); RTA_OK(attribute, rest);
       attribute = RTA_NEXT(attribute, rest)) {
    if (attribute->rta_type != INET_DIAG_INFO) continue;
    tcp_info info{};
    std::memcpy(&info, RTA_DATA(attribute), std::min<size_t>(sizeof info, RTA_PAYLOAD(attribute)));
    connection.bytes = bytes_of(info);
  }
  return connection;
}

uint16_t server_port_of(const nlmsghdr& header) {
  return ntohs(static_cast<const inet_diag_msg*>(NLMSG_DATA(&header))->id.idiag_sport);
}

std::vector<Connection> connections_at(uint16_t server_port) {
  const Socket socket;
  ask(socket);
  std::vector<Connection> connections;
  alignas(nlmsghdr) char buffer[32 << 10];
  while (true) {
    const ssize_t received = ::recv(socket.fd, buffer, sizeof buffer, 0);
    if (received <= 0) fail("receive");
    auto left = static_cast<unsigned>(received);
    for (auto* header = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_DONE) return connections;
      if (header->nlmsg_type == NLMSG_ERROR) fail("refused");
      if (server_port_of(*header) == server_port) connections.push_back(connection_of(*header));
    }
  }
}

bool belongs_to(const LinkEnd& end, const Connection& connection) {
  if (!end.client_ports) return true;
  return std::find(end.client_ports->begin(), end.client_ports->end(), connection.client_port) !=
         end.client_ports->end();
}

}  // namespace

LinkBytes::LinkBytes(const LinkEnd& end) {
  look(end);
  for (auto& [cookie, counted] : connections_) counted.before = counted.now;
}

void LinkBytes::look(const LinkEnd& end) {
  for (const Connection& connection : connections_at(end.server_port)) {
    if (belongs_to(end, connection))
      connections_.try_emplace(connection.cookie, Counted{0, 0}).first->second.now = connection.bytes;
  }
}

uint64_t LinkBytes::bytes() const {
  uint64_t sum = 0;
  for (const auto& [cookie, counted] : connections_) sum += counted.now - counted.before;
  return sum;
}

size_t established_connections(uint16_t server_port) {
  return connections_at(server_port).size();
}

}  // namespace tributary::test
