#include "wire/pki.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

#include "base/error.h"

namespace tributary {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_REQ* request) const { X509_REQ_free(request); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(STACK_OF(X509_EXTENSION) * extensions) const {
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
template <typename T>
using Handle = std::unique_ptr<T, Free>;

[[noreturn]] void fail(const std::string& what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  throw Error(ErrorKind::setup, reason ? what + ": " + reason : what);
}

void check(int result, const char* what) {
  if (result != 1) fail(what);
}

template <typename T>
Handle<T> own(T* pointer, const char* what) {
  if (!pointer) fail(what);
  return Handle<T>(pointer);
}

bool is_ip_address(const std::string& name) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, name.c_str(), address) == 1 || inet_pton(AF_INET6, name.c_str(), address) == 1;
}

bool is_dns_name(const std::string& name) {
  return !name.empty() && name.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789.-_*") == std::string::npos;
}

// Names are pasted into OpenSSL's own notation for extensions, where ',' and ':' have a meaning.
std::string subject_alternative_names(const NodeRequest& request) {
  std::string out;
  const auto add = [&](const std::string& name) {
    const bool is_ip = is_ip_address(name);
    if (!is_ip && !is_dns_name(name))
      throw Error(ErrorKind::config, "'" + name + "' is neither a DNS name nor an IP address");
    out += (out.empty() ? "" : ",") + std::string(is_ip ? "IP:" : "DNS:") + name;
  };
  add(request.node);
  for (const std::string& name : request.names) {
    if (name != request.node) add(name);
  }
  return out;
}

void set_serial(X509* certificate) {
  unsigned char bytes[16];
  check(RAND_bytes(bytes, sizeof bytes), "random serial number");
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);  // positive, and always 16 bytes long
  const auto number = own(BN_bin2bn(bytes, sizeof bytes, nullptr), "serial number");
  if (!BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate))) fail("serial number");
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const auto extension = own(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), "certificate extension");
  check(X509_add_ext(certificate, extension.get(), -1), "certificate extension");
}

// A certificate of `key` with everything set but its issuer, its extensions and its signature.
Handle<X509> begin_certificate(EVP_PKEY* key, const std::string& common_name, std::chrono::days valid_for) {
  auto certificate = own(X509_new(), "certificate");
  check(X509_set_version(certificate.get(), X509_VERSION_3), "certificate version");
  set_serial(certificate.get());
  if (!X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600) ||
      !X509_time_adj_ex(X509_getm_notAfter(certificate.get()), static_cast<int>(valid_for.count()), 0, nullptr))
    fail("certificate validity");
  check(X509_set_pubkey(certificate.get(), key), "certificate key");
  check(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0),
        "certificate subject");
  return certificate;
}

Handle<BIO> open_for_reading(const std::string& path) {
  BIO* file = BIO_new_file(path.c_str(), "r");
  if (!file) {
    ERR_clear_error();
    throw Error(ErrorKind::setup, "cannot read " + path + ": " + std::strerror(errno));
  }
  return Handle<BIO>(file);
}

Handle<X509> read_pem_certificate(const std::string& path) {
  const auto file = open_for_reading(path);
  return own(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr), (path + " holds no certificate").c_str());
}

Handle<X509_REQ> read_pem_request(const std::string& path) {
  const auto file = open_for_reading(path);
  return own(PEM_read_bio_X509_REQ(file.get(), nullptr, nullptr, nullptr),
             (path + " holds no signing request").c_str());
}

Handle<EVP_PKEY> read_pem_key(const std::string& path) {
  const auto file = open_for_reading(path);
  // Never ask on the terminal for the passphrase of a key that has one.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  return own(PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, nullptr),
             (path + " holds no private key without a passphrase").c_str());
}

template <typename Write>
std::string to_pem(Write write, const char* what) {
  const auto memory = own(BIO_new(BIO_s_mem()), what);
  check(write(memory.get()), what);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

// Files that disappear again unless all of them were written.
class NewFiles {
 public:
  explicit NewFiles(Overwrite overwrite) : overwrite_(overwrite) {}
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;
  ~NewFiles() {
    for (const File& file : files_) unlink(file.temporary.c_str());
  }

  // Writes beside `path`, under another name.
  void write(const std::string& path, const std::string& content, mode_t mode) {
    if (overwrite_ == Overwrite::refuse && access(path.c_str(), F_OK) == 0)
      throw Error(ErrorKind::setup, path + " exists already", "--force replaces it");
    const std::string temporary = path + ".new";
    unlink(temporary.c_str());
    const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) throw Error(ErrorKind::setup, "cannot write " + temporary + ": " + std::strerror(errno));
    files_.push_back({path, temporary});
    give_to_owner_of_directory(descriptor, path);
    // A short write leaves errno as it was; a disk that took only a part of so little is full.
    errno = ENOSPC;
    const bool written = ::write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
                         fsync(descriptor) == 0;
    const int reason = errno;
    close(descriptor);
    if (!written) throw Error(ErrorKind::setup, "cannot write " + path + ": " + std::strerror(reason));
  }

  // Gives the files their names. Without leave to overwrite, a file that came into being meanwhile stays.
  void keep() {
    for (auto file = files_.begin(); file != files_.end(); ++file) {
      const char* from = file->temporary.c_str();
      const char* to = file->path.c_str();
      if ((overwrite_ == Overwrite::allow ? rename(from, to) : link(from, to)) == 0) continue;
      const int reason = errno;
      while (overwrite_ == Overwrite::refuse && file != files_.begin()) unlink((--file)->path.c_str());
      throw Error(ErrorKind::setup, std::string("cannot write ") + to + ": " + std::strerror(reason));
    }
  }

 private:
  // An administrator makes a node's key; its agent has to read it.
  static void give_to_owner_of_directory(int descriptor, const std::string& path) {
    struct stat about {};
    const size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    if (geteuid() != 0 || stat(directory.c_str(), &about) != 0) return;
    if (fchown(descriptor, about.st_uid, about.st_gid) != 0)
      throw Error(ErrorKind::setup, "cannot give " + path + " to its directory's owner: " + std::strerror(errno));
  }

  struct File {
    std::string path;
    std::string temporary;
  };
  Overwrite overwrite_;
  std::vector<File> files_;
};

void write_key(NewFiles& files, const std::string& path, EVP_PKEY* key) {
  files.write(path,
              to_pem([&](BIO* to) { return PEM_write_bio_PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr); },
                     "private key"),
              0600);
}

void write_certificate(NewFiles& files, const std::string& path, X509* certificate) {
  files.write(path, to_pem([&](BIO* to) { return PEM_write_bio_X509(to, certificate); }, "certificate"), 0644);
}

void write_pair(X509* certificate, EVP_PKEY* key, const PemPaths& out, Overwrite overwrite) {
  NewFiles files(overwrite);
  write_key(files, out.key, key);
  write_certificate(files, out.certificate, certificate);
  files.keep();
}

Handle<EVP_PKEY> make_key() {
  return own(EVP_EC_gen("P-256"), "making a key");
}

std::chrono::system_clock::time_point to_time(const ASN1_TIME* time) {
  std::tm broken_down{};
  check(ASN1_TIME_to_tm(time, &broken_down), "certificate validity");
  return std::chrono::system_clock::from_time_t(timegm(&broken_down));
}

std::string to_text(const X509_NAME* name) {
  return to_pem([&](BIO* to) { return X509_NAME_print_ex(to, name, 0, XN_FLAG_RFC2253) >= 0 ? 1 : 0; }, "subject");
}

std::string to_text(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string address_to_text(const ASN1_OCTET_STRING* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  const int length = ASN1_STRING_length(bytes);
  if (length == 4 || length == 16)
    inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), text, sizeof text);
  return text;
}

// The DNS names and IP addresses of a SAN; whoever owns it frees it.
std::vector<std::string> to_texts(const GENERAL_NAMES* names) {
  std::vector<std::string> texts;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) texts.push_back(to_text(name->d.dNSName));
    if (name->type == GEN_IPADD) texts.push_back(address_to_text(name->d.iPAddress));
  }
  return texts;
}

// Signed by `ca`, for both ends of a link.
Handle<X509> make_certificate(EVP_PKEY* key, const NodeRequest& request, const PemPaths& ca) {
  const auto ca_certificate = read_pem_certificate(ca.certificate);
  const auto ca_key = read_pem_key(ca.key);
  if (X509_check_private_key(ca_certificate.get(), ca_key.get()) != 1)
    fail(ca.key + " is not the key of " + ca.certificate);
  if (X509_check_ca(ca_certificate.get()) != 1) fail(ca.certificate + " is not a CA's certificate");
  const ASN1_TIME* ca_end = X509_get0_notAfter(ca_certificate.get());
  if (X509_cmp_current_time(ca_end) <= 0)
    throw Error(ErrorKind::setup, ca.certificate + " has expired", "make a new CA with 'tributary pki ca'");

  auto certificate = begin_certificate(key, request.node, request.valid_for);
  X509* const node = certificate.get();
  if (ASN1_TIME_compare(X509_get0_notAfter(node), ca_end) > 0)
    check(X509_set1_notAfter(node, ca_end), "certificate validity");
  check(X509_set_issuer_name(node, X509_get_subject_name(ca_certificate.get())), "certificate issuer");
  add_extension(node, ca_certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(node, ca_certificate.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(node, ca_certificate.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(node, ca_certificate.get(), NID_subject_alt_name, subject_alternative_names(request));
  add_extension(node, ca_certificate.get(), NID_subject_key_identifier, "hash");
  add_extension(node, ca_certificate.get(), NID_authority_key_identifier, "keyid");
  if (X509_sign(node, ca_key.get(), EVP_sha256()) == 0) fail("signing the node's certificate");
  return certificate;
}

}  // namespace

void make_ca(const CaRequest& request, const PemPaths& out, Overwrite overwrite) {
  const auto key = make_key();
  const auto certificate = begin_certificate(key.get(), request.common_name, request.valid_for);
  X509* const self = certificate.get();
  check(X509_set_issuer_name(self, X509_get_subject_name(self)), "certificate issuer");
  add_extension(self, self, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(self, self, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(self, self, NID_subject_key_identifier, "hash");
  if (X509_sign(self, key.get(), EVP_sha256()) == 0) fail("signing the CA's certificate");
  write_pair(self, key.get(), out, overwrite);
}

void make_node_certificate(const NodeRequest& request, const PemPaths& ca, const PemPaths& out, Overwrite overwrite) {
  const auto key = make_key();
  const auto certificate = make_certificate(key.get(), request, ca);
  write_pair(certificate.get(), key.get(), out, overwrite);
}

KeyFile make_request(const NodeRequest& request, const std::string& key_path, const std::string& out,
                     Overwrite key_overwrite) {
  const bool is_kept = key_overwrite == Overwrite::refuse && access(key_path.c_str(), F_OK) == 0;
  const auto key = is_kept ? read_pem_key(key_path) : make_key();
  const auto csr = own(X509_REQ_new(), "signing request");
  check(X509_REQ_set_version(csr.get(), X509_REQ_VERSION_1), "signing request");
  check(X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(csr.get()), NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(request.node.c_str()), -1, -1, 0),
        "signing request's subject");
  check(X509_REQ_set_pubkey(csr.get(), key.get()), "signing request's key");
  const Handle<STACK_OF(X509_EXTENSION)> extensions(sk_X509_EXTENSION_new_null());
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, subject_alternative_names(request).c_str());
  if (!names || sk_X509_EXTENSION_push(extensions.get(), names) == 0) fail("signing request's names");
  check(X509_REQ_add_extensions(csr.get(), extensions.get()), "signing request's names");
  if (X509_REQ_sign(csr.get(), key.get(), EVP_sha256()) == 0) fail("signing the request");

  NewFiles key_file(key_overwrite), request_file(Overwrite::allow);
  if (!is_kept) write_key(key_file, key_path, key.get());
  request_file.write(out, to_pem([&](BIO* to) { return PEM_write_bio_X509_REQ(to, csr.get()); }, "request"), 0644);
  key_file.keep();
  request_file.keep();
  return is_kept ? KeyFile::kept : KeyFile::made;
}

RequestFacts read_request(const std::string& path) {
  constexpr int kSecurityBitsMin = 112;  // RSA with 2048 bits, any curve in use
  const auto csr = read_pem_request(path);
  EVP_PKEY* key = X509_REQ_get0_pubkey(csr.get());
  if (!key || X509_REQ_verify(csr.get(), key) != 1) fail(path + " is not signed by its own key");
  if (EVP_PKEY_get_security_bits(key) < kSecurityBitsMin)
    throw Error(ErrorKind::setup, "the key in " + path + " is too short", "'tributary pki request' makes another one");
  RequestFacts facts;
  const X509_NAME* subject = X509_REQ_get_subject_name(csr.get());
  const int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (place >= 0) facts.node = to_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place)));
  const Handle<STACK_OF(X509_EXTENSION)> extensions(X509_REQ_get_extensions(csr.get()));
  const Handle<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (std::string& name : to_texts(names.get())) {
    if (name == facts.node) continue;
    if (!is_ip_address(name) && !is_dns_name(name))
      throw Error(ErrorKind::setup, path + " asks for a name that is neither a DNS name nor an IP address");
    facts.names.push_back(std::move(name));
  }
  ERR_clear_error();
  return facts;
}

void sign_request(const std::string& path, const NodeRequest& request, const PemPaths& ca, const std::string& out,
                  Overwrite overwrite) {
  read_request(path);
  const auto csr = read_pem_request(path);
  const auto certificate = make_certificate(X509_REQ_get0_pubkey(csr.get()), request, ca);
  NewFiles files(overwrite);
  write_certificate(files, out, certificate.get());
  files.keep();
}

CertificateFacts read_certificate(const std::string& path) {
  const auto certificate = read_pem_certificate(path);
  CertificateFacts facts;
  facts.subject = to_text(X509_get_subject_name(certificate.get()));
  facts.issuer = to_text(X509_get_issuer_name(certificate.get()));
  facts.not_before = to_time(X509_get0_notBefore(certificate.get()));
  facts.not_after = to_time(X509_get0_notAfter(certificate.get()));
  facts.is_ca = X509_check_ca(certificate.get()) == 1;
  const Handle<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  facts.names = to_texts(names.get());
  return facts;
}

void check_certificate(const std::string& ca, const PemPaths& node) {
  const auto certificate = read_pem_certificate(node.certificate);
  const auto key = read_pem_key(node.key);
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    fail(node.key + " is not the key of " + node.certificate);
  const auto store = own(X509_STORE_new(), "certificate store");
  if (X509_STORE_load_file(store.get(), ca.c_str()) != 1) fail("cannot read the CA's certificates in " + ca);
  const auto context = own(X509_STORE_CTX_new(), "certificate store");
  check(X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr), "certificate store");
  if (X509_verify_cert(context.get()) == 1) return;
  const int reason = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  throw Error(ErrorKind::setup, node.certificate + ": " + X509_verify_cert_error_string(reason),
              "'tributary pki request' and 'pki sign' make a new one");
}

}  // namespace tributary
