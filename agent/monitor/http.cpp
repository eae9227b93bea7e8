#include "monitor/http.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <sstream>

#include "base/listen.h"
#include "monitor/health.h"
#include "monitor/json.h"
#include "monitor/metrics.h"
#include "monitor/side_by_side.h"

namespace tributary {
namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kConnectionsMax = 64;
constexpr size_t kHeadBytesMax = 8 * 1024;
constexpr auto kConnectionTime = std::chrono::seconds(10);
constexpr auto kTupled = asio::as_tuple(asio::use_awaitable);

using Request = http::request<http::empty_body>;

std::string write_response(http::status code, const std::string& content_type, std::string body, bool is_head,
                           bool names_methods = false) {
  http::response<http::string_body> response(code, 11);
  response.set(http::field::server, "tributary");
  response.set(http::field::content_type, content_type);
  response.set(http::field::content_length, std::to_string(body.size()));
  response.set(http::field::cache_control, "no-store");
  response.set(http::field::connection, "close");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  if (names_methods) response.set(http::field::allow, "GET, HEAD");
  if (!is_head) response.body() = std::move(body);
  std::ostringstream out;
  out << response;
  return std::move(out).str();
}

std::string write_text(http::status code, std::string body, bool is_head = false) {
  return write_response(code, "text/plain; charset=utf-8", std::move(body), is_head);
}

std::string join_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

std::string answer(const Request& request, const StatusBoard& board) {
  const bool is_head = request.method() == http::verb::head;
  if (!is_head && request.method() != http::verb::get)
    return write_response(http::status::method_not_allowed, "text/plain; charset=utf-8",
                          "only GET and HEAD are answered here\n", false, true);
  const std::string_view target(request.target().data(), request.target().size());
  const bool has_one_host = request.count(http::field::host) == 1;
  const bool has_body = request.count(http::field::content_length) || request.count(http::field::transfer_encoding);
  if (target.empty() || target.front() != '/' || has_body || (request.version() == 11 && !has_one_host))
    return write_text(http::status::bad_request, "bad request\n", is_head);

  const auto path = target.substr(0, target.find('?'));
  if (path == "/healthz") return write_text(http::status::ok, "ok\n", is_head);
  if (path == "/readyz") {
    const auto reasons = reasons_not_ready(board.snapshot());
    if (reasons.empty()) return write_text(http::status::ok, "ready\n", is_head);
    return write_text(http::status::service_unavailable, join_lines(reasons), is_head);
  }
  if (path == "/status")
    return write_response(http::status::ok, "application/json", to_json(board.snapshot()), is_head);
  if (path == "/metrics")
    return write_response(http::status::ok, "text/plain; version=0.0.4; charset=utf-8", to_metrics(board.snapshot()),
                          is_head);
  if (path == "/")
    return write_text(http::status::ok,
                      "tributary\n\n/status   the status of this node and of those below it, as JSON\n"
                      "/metrics  the same as figures for Prometheus\n"
                      "/readyz   whether data flows, or why not\n/healthz  whether the agent works\n",
                      is_head);
  return write_text(http::status::not_found, "not found\n", is_head);
}

// Reads a request's head and writes the answer. What the client does wrong ends the connection, nothing else.
Task<> converse(tcp::socket& socket, const StatusBoard& board) {
  std::string received;
  const auto [failure, head_size] =
      co_await asio::async_read_until(socket, asio::dynamic_buffer(received, kHeadBytesMax), "\r\n\r\n", kTupled);
  const bool is_too_large = failure == asio::error::not_found;
  if (failure && !is_too_large) co_return;
  const std::string response =
      is_too_large ? write_text(http::status::request_header_fields_too_large, "the request's head is too large\n")
                   : answer_http(std::string_view(received).substr(0, head_size), board);
  const auto [write_failure, written] = co_await asio::async_write(socket, asio::buffer(response), kTupled);
  if (write_failure) co_return;
  // Closing with unread bytes would reset the connection, and the client might never see the answer.
  error_code ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  std::array<char, 4096> rest;
  for (;;) {
    const auto [read_failure, bytes] = co_await socket.async_read_some(asio::buffer(rest), kTupled);
    if (read_failure) co_return;
  }
}

Task<> serve_one_after_another(tcp::acceptor& acceptor, const StatusBoard& board) {
  for (;;) {
    auto [failure, socket] = co_await acceptor.async_accept(kTupled);
    if (failure) {  // no descriptors left, most likely; or cancellation, and then this wait throws
      co_await sleep_for(std::chrono::milliseconds(200));
      continue;
    }
    co_await until_one_ends(converse(socket, board), sleep_for(kConnectionTime));
  }
}

}  // namespace

std::string answer_http(std::string_view head, const StatusBoard& board) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kHeadBytesMax);
  error_code failure;
  parser.put(asio::buffer(head.data(), head.size()), failure);
  // A body is refused by the rules above, which know better words than the parser.
  if (failure && failure != http::error::need_more && failure != http::error::unexpected_body)
    return write_text(http::status::bad_request, "bad request\n");
  if (!parser.is_header_done()) return write_text(http::status::bad_request, "bad request\n");
  return answer(parser.get(), board);
}

tcp::acceptor listen_http(asio::any_io_executor executor, const std::string& address) {
  return listen_on(executor, address, "status page", "[status] listen");
}

Task<> serve_http(tcp::acceptor acceptor, const StatusBoard& board) {
  co_await side_by_side(kConnectionsMax, [&] { return serve_one_after_another(acceptor, board); });
}

Task<> serve_http(std::string address, const StatusBoard& board) {
  co_await serve_http(listen_http(co_await asio::this_coro::executor, address), board);
}

}  // namespace tributary
