// TCP under the link: finding the addresses of an endpoint, and sockets that notice a dead peer.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "base/task.h"

namespace tributary {

// The addresses of "host:port" or "[address]:port", in the system's order. Error(config) when it is neither,
// Error(connection) when the name is not found or the name service takes longer than `timeout`.
Task<std::vector<asio::ip::tcp::endpoint>> resolve(std::string endpoint, Clock::duration timeout);

// Throws Error(connection) that names `label`.
Task<asio::ip::tcp::socket> open_socket(asio::ip::tcp::endpoint address, std::string label);

// No delay, keep-alive, and an end to unacknowledged data after half a minute.
void set_options(asio::ip::tcp::socket& socket);

// "192.0.2.7:41872"; "unknown address" when the socket is not connected any more.
std::string address_of(const asio::ip::tcp::socket& socket);

}  // namespace tributary
