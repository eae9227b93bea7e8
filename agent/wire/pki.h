// The hierarchy's own certificates: a certificate authority, and a certificate for each node, so that an administrator
// needs no openssl command line. TLS itself is in wire/tls.h; this makes and reads the files that it uses.
//
// Keys are EC P-256. Files are PEM; a key's file is made with mode 0600, and what root makes belongs to the directory's
// owner. Certificates are valid from one hour before
// they were made, for nodes whose clocks are behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tributary {

struct PemPaths {
  std::string certificate;
  std::string key;
};

// Whether files that are there already may be replaced. A CA made anew makes every node's certificate worthless.
enum class Overwrite { refuse, allow };

struct CaRequest {
  std::string common_name = "tributary CA";
  std::chrono::days valid_for{3650};
};

// Makes a self-signed CA that may sign nodes and no further CA. Throws Error(setup) when a file cannot be written;
// nothing is left behind then.
void make_ca(const CaRequest& request, const PemPaths& out, Overwrite overwrite);

struct NodeRequest {
  std::string node;                     // SAN DNS:<node>, and the subject's common name
  std::vector<std::string> names = {};  // further SANs: DNS names and IP addresses
  std::chrono::days valid_for{730};
};

// Makes a key and a certificate for one node, for both ends of a link, signed by `ca`. The certificate ends no later
// than the CA's own. Throws Error(setup) when the CA cannot be used or a file cannot be written.
void make_node_certificate(const NodeRequest& request, const PemPaths& ca, const PemPaths& out, Overwrite overwrite);

// A node's key that never leaves it: the node makes a request, whoever has the CA's key signs it.

enum class KeyFile { made, kept };
// Writes a signing request (PKCS #10) for the key in `key`. The key is made where there is none, or where it may be
// replaced: the certificate from before is of no use then. A request from before is replaced.
KeyFile make_request(const NodeRequest& request, const std::string& key, const std::string& out,
                     Overwrite key_overwrite);

struct RequestFacts {
  std::string node;                // the subject's common name: of whoever made the request, not proved
  std::vector<std::string> names;  // further SANs that it asks for
};

// Throws Error(setup) when the file holds no request, its signature is not by its key, or its key is weak.
RequestFacts read_request(const std::string& path);

// The certificate for a request's key. Of the request itself nothing but the key is taken: the names are those of
// `request`. Otherwise as make_node_certificate.
void sign_request(const std::string& path, const NodeRequest& request, const PemPaths& ca, const std::string& out,
                  Overwrite overwrite);

struct CertificateFacts {
  std::vector<std::string> names;  // SANs: DNS names and IP addresses, in the certificate's order
  std::string subject;             // RFC 2253: "CN=district-a"
  std::string issuer;
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  bool is_ca = false;
};

// The first certificate of a PEM file. Throws Error(setup) when there is none.
CertificateFacts read_certificate(const std::string& path);

// Throws Error(setup), with the reason, unless the certificate's key is the one in the key file, and one of the
// certificates in `ca` signed it, all of them valid now.
void check_certificate(const std::string& ca, const PemPaths& node);

}  // namespace tributary
