// The node's status over HTTP, for people with a browser, for probes and for monitoring. Reads only: GET and HEAD.
//
//   /          where to look        /healthz   200 while the process works
//   /status    the status as JSON   /readyz    200, or 503 with the reasons, one per line
//   /metrics   for Prometheus
//
// Plain HTTP, on loopback unless configured otherwise, without row contents, keys or passwords. One request per
// connection, ten seconds for all of it, a request head of at most 8 KiB, at most 64 connections.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>

#include "base/task.h"
#include "monitor/status_board.h"

namespace tributary {

// Listens at "address:port"; port 0 takes a free one. Throws Error(setup) when that is not possible.
asio::ip::tcp::acceptor listen_http(asio::any_io_executor executor, const std::string& address);

// Serves until cancelled; a client can do nothing to end it. `board` must outlive it.
Task<> serve_http(asio::ip::tcp::acceptor acceptor, const StatusBoard& board);
// Listens and serves. The agent goes on without its page when this throws Error(setup).
Task<> serve_http(std::string address, const StatusBoard& board);

// The whole answer to a request's head (up to and with its empty line). Pure but for the board's clock.
std::string answer_http(std::string_view head, const StatusBoard& board);

}  // namespace tributary
