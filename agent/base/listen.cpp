#include "base/listen.h"

#include <charconv>

namespace tributary {

using asio::ip::tcp;

tcp::acceptor listen_on(const asio::any_io_executor& executor, const std::string& address, const std::string& what,
                        const std::string& setting) {
  const std::string hint = setting + " is \"address:port\" or \"[v6 address]:port\"";
  const auto colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code failure;
  const auto ip = asio::ip::make_address(host, failure);
  uint16_t port = 0;
  const char* end = address.data() + address.size();
  const char* begin = colon == std::string::npos ? end : address.data() + colon + 1;
  const auto parsed = std::from_chars(begin, end, port);
  if (failure || begin == end || parsed.ec != std::errc() || parsed.ptr != end)
    throw Error(ErrorKind::setup, what + ": \"" + address + "\" is no address to listen at", hint);

  const tcp::endpoint endpoint(ip, port);
  tcp::acceptor acceptor(executor);
  acceptor.open(endpoint.protocol(), failure);
  if (!failure) acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure == asio::error::address_in_use)
    throw Error(
        ErrorKind::setup, what + ": " + address + " is in use by another program",
        "choose another " + setting + ", or stop what listens there: ss -ltnp 'sport = :" + std::to_string(port) + "'");
  if (failure) throw Error(ErrorKind::setup, what + ": cannot listen at " + address + ": " + failure.message(), hint);
  return acceptor;
}

}  // namespace tributary
