#include "wire/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <chrono>
#include <memory>

#include "wire/pki.h"

namespace tributary {
namespace {

using boost::system::error_code;

const char* kRenew = "'tributary pki request' and 'pki sign' make a new certificate";

void require(const error_code& failure, const std::string& what, const std::string& hint) {
  if (failure) throw Error(ErrorKind::setup, what + ": " + failure.message(), hint);
}

void check_own_certificate(const TlsConfig& config, const std::string& node_name) {
  const CertificateFacts facts = read_certificate(config.certificate);
  const auto now = std::chrono::system_clock::now();
  if (facts.not_after < now)
    throw Error(ErrorKind::setup, "the certificate " + config.certificate + " has expired", kRenew);
  if (facts.not_before > now)
    throw Error(ErrorKind::setup, "the certificate " + config.certificate + " is not valid yet",
                "check this host's clock");
  if (std::find(facts.names.begin(), facts.names.end(), node_name) == facts.names.end())
    throw Error(ErrorKind::setup,
                "the certificate " + config.certificate + " does not bear the node's name, " + node_name, kRenew);
}

// Why we refuse the peer's certificate.
Error refusal_of(long verdict, const std::string& peer) {
  const std::string certificate = "the certificate of " + peer;
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {ErrorKind::setup, certificate + " (or of its CA) has expired",
              "renew it there; is this host's clock right?"};
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {ErrorKind::setup, certificate + " is not valid yet", "check the clocks of both hosts"};
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return {ErrorKind::setup, certificate + " is not signed by a CA that [tls] ca holds",
              "use certificates of one CA on both sides, or add the other CA to the file of [tls] ca"};
    default:
      return {ErrorKind::setup, certificate + " is not valid: " + X509_verify_cert_error_string(verdict), kRenew};
  }
}

// What the peer's alert says about our certificate; nothing when the alert is about something else.
const char* complaint_in(int reason) {
  switch (reason) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return "does not know the CA that signed this node's certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED: return "says that this node's certificate has expired";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return "asks for a certificate, and this node gave none";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED: return "says that this node's certificate was revoked";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED: return "refuses this node's certificate";
    default: return nullptr;
  }
}

}  // namespace

TlsContext::TlsContext(const TlsConfig& config, const std::string& node_name) : state_(std::make_shared<State>()) {
  asio::ssl::context& context = state_->context;
  error_code failure;
  context.load_verify_file(config.ca, failure);
  require(failure, "cannot read the CA's certificates in " + config.ca, "[tls] ca names a PEM file");
  context.use_certificate_chain_file(config.certificate, failure);
  require(failure, "cannot read the certificate " + config.certificate, "[tls] certificate names a PEM file");
  check_own_certificate(config, node_name);
  // An encrypted key fails instead of asking at the terminal.
  context.set_password_callback([](size_t, asio::ssl::context::password_purpose) { return std::string(); });
  context.use_private_key_file(config.key, asio::ssl::context::pem, failure);
  if (failure && ERR_GET_REASON(static_cast<unsigned long>(failure.value())) == X509_R_KEY_VALUES_MISMATCH)
    throw Error(ErrorKind::setup, "the key " + config.key + " does not belong to the certificate " + config.certificate,
                "[tls] certificate and [tls] key name the two files that were made together");
  require(failure, "cannot read the key " + config.key, "[tls] key names a PEM file without a passphrase");

  context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  SSL_CTX* const native = context.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(native, 0);
}

std::vector<std::string> dns_names_of(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      &GENERAL_NAMES_free);
  std::vector<std::string> names;
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS) continue;
    const std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                           static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    if (std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; })) names.push_back(text);
  }
  return names;
}

Error tls_failure(SSL* session, const error_code& failure, const std::string& peer) {
  const long verdict = SSL_get_verify_result(session);
  if (verdict != X509_V_OK) return refusal_of(verdict, peer);
  if (failure == asio::error::eof || failure == asio::ssl::error::stream_truncated)
    return {ErrorKind::connection, peer + " closed the connection"};
  if (failure.category() != asio::error::get_ssl_category())
    return {ErrorKind::connection, "the connection to " + peer + " failed: " + failure.message()};

  const int reason = ERR_GET_REASON(static_cast<unsigned long>(failure.value()));
  if (const char* complaint = complaint_in(reason)) return {ErrorKind::setup, peer + " " + complaint, kRenew};
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return {ErrorKind::setup, peer + " gave no certificate", "every node needs a certificate of its own"};
  if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_UNSUPPORTED_PROTOCOL ||
      reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION)
    return {ErrorKind::protocol, peer + " does not speak TLS 1.3", "is this the address of a tributary agent?"};
  return {ErrorKind::protocol, "TLS with " + peer + " failed: " + failure.message()};
}

}  // namespace tributary
