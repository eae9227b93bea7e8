#include "wire/sha256.h"

#include <openssl/evp.h>

#include "base/error.h"

namespace tributary {
namespace {

EVP_MD_CTX* digest(void* context) {
  return static_cast<EVP_MD_CTX*>(context);
}

void check(int is_done) {
  if (!is_done) throw Error(ErrorKind::internal, "OpenSSL cannot compute SHA-256");
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  check(EVP_DigestInit_ex(digest(context_.get()), EVP_sha256(), nullptr));
}

void Sha256::Free::operator()(void* context) const {
  EVP_MD_CTX_free(digest(context));
}

void Sha256::add(std::string_view bytes) {
  check(EVP_DigestUpdate(digest(context_.get()), bytes.data(), bytes.size()));
}

std::string Sha256::hexadecimal() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  check(EVP_DigestFinal_ex(digest(context_.get()), bytes, &size));
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += {kDigits[bytes[i] >> 4], kDigits[bytes[i] & 15]};
  return text;
}

}  // namespace tributary
