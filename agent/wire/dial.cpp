#include "wire/dial.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <charconv>
#include <memory>
#include <sstream>

#include "base/error.h"

namespace tributary {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

struct HostAndPort {
  std::string host;
  uint16_t port = 0;
};

HostAndPort split(const std::string& endpoint) {
  HostAndPort result;
  const size_t colon = endpoint.rfind(':');
  const char* const end = endpoint.data() + endpoint.size();
  bool is_valid = colon != std::string::npos && colon > 0;
  if (is_valid) {
    result.host = endpoint.substr(0, colon);
    const auto [parsed, failure] = std::from_chars(endpoint.data() + colon + 1, end, result.port);
    is_valid = failure == std::errc() && parsed == end && result.port != 0;
  }
  if (is_valid && result.host.front() == '[') {
    is_valid = result.host.back() == ']' && result.host.size() > 2;
    result.host = is_valid ? result.host.substr(1, result.host.size() - 2) : "";
  }
  if (!is_valid)
    throw Error(ErrorKind::config, "'" + endpoint + "' is not an endpoint", "write host:port or [address]:port");
  return result;
}

// An answer of the name service may come after nobody waits for it any more (it cannot be cancelled while it asks).
struct Answer {
  explicit Answer(const asio::any_io_executor& executor) : resolver(executor), arrived(executor) {}
  tcp::resolver resolver;
  asio::steady_timer arrived;
  bool is_here = false;
  error_code failure;
  std::vector<tcp::endpoint> addresses;
};

}  // namespace

Task<std::vector<tcp::endpoint>> resolve(std::string endpoint, Clock::duration timeout) {
  const HostAndPort target = split(endpoint);
  error_code not_numeric;
  const auto address = asio::ip::make_address(target.host, not_numeric);
  if (!not_numeric) co_return std::vector{tcp::endpoint(address, target.port)};

  const auto answer = std::make_shared<Answer>(co_await asio::this_coro::executor);
  answer->arrived.expires_after(timeout);
  answer->resolver.async_resolve(target.host, std::to_string(target.port), tcp::resolver::numeric_service,
                                 [answer](const error_code& failure, const tcp::resolver::results_type& results) {
                                   answer->is_here = true;
                                   answer->failure = failure;
                                   for (const auto& result : results) answer->addresses.push_back(result.endpoint());
                                   answer->arrived.cancel();
                                 });
  const auto [woken] = co_await answer->arrived.async_wait(asio::as_tuple(asio::use_awaitable));
  if (woken && !answer->is_here) throw boost::system::system_error(woken);
  if (!answer->is_here) throw Error(ErrorKind::connection, "looking up " + target.host + " took too long");
  if (answer->failure || answer->addresses.empty())
    throw Error(ErrorKind::connection, "cannot find the address of " + target.host + ": " + answer->failure.message(),
                "check the name and the name service");
  co_return std::move(answer->addresses);
}

Task<tcp::socket> open_socket(tcp::endpoint address, std::string label) {
  tcp::socket socket(co_await asio::this_coro::executor);
  const auto [failure] = co_await socket.async_connect(address, asio::as_tuple(asio::use_awaitable));
  if (failure == asio::error::operation_aborted) throw boost::system::system_error(failure);
  if (failure) {
    std::ostringstream where;
    where << address;
    throw Error(ErrorKind::connection, "cannot connect to " + label + " (" + where.str() + "): " + failure.message());
  }
  set_options(socket);
  co_return socket;
}

void set_options(tcp::socket& socket) {
  const int file = socket.native_handle();
  const auto set = [&](int level, int option, int value) { setsockopt(file, level, option, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
}

std::string address_of(const tcp::socket& socket) {
  error_code failure;
  tcp::endpoint peer = socket.remote_endpoint(failure);
  if (failure) return "unknown address";
  if (peer.address().is_v6() && peer.address().to_v6().is_v4_mapped())
    peer.address(asio::ip::make_address_v4(asio::ip::v4_mapped, peer.address().to_v6()));
  std::ostringstream text;
  text << peer;
  return text.str();
}

}  // namespace tributary
