// A listening TCP socket from an address in the configuration.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "base/task.h"

namespace tributary {

// `address` is "address:port" or "[v6 address]:port"; `what` names the listener and `setting` its configuration key in
// messages. Throws Error(setup) when the address is wrong or in use.
asio::ip::tcp::acceptor listen_on(const asio::any_io_executor& executor, const std::string& address,
                                  const std::string& what, const std::string& setting);

}  // namespace tributary
