// What tls.h keeps to itself: OpenSSL's side of a context and of a failure.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "wire/tls.h"

namespace tributary {

struct TlsContext::State {
  asio::ssl::context context{asio::ssl::context::tls};
};

// DNS names (SAN) of a certificate; those with bytes that no DNS name has are left out.
std::vector<std::string> dns_names_of(X509* certificate);

// What went wrong in a handshake or, later, in reading and writing: a certificate that we refuse (`session` knows why),
// or what the peer's alert says about ours, or no TLS at all, or the network. `peer` names the other side.
Error tls_failure(SSL* session, const boost::system::error_code& failure, const std::string& peer);

}  // namespace tributary
