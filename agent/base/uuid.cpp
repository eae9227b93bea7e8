#include "base/uuid.h"

#include <sys/random.h>

#include "base/error.h"

namespace tributary {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Uuid Uuid::random() {
  Uuid uuid;
  if (getrandom(uuid.bytes.data(), uuid.bytes.size(), 0) != static_cast<ssize_t>(uuid.bytes.size()))
    throw Error(ErrorKind::internal, "the kernel gave no random bytes");
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

Uuid Uuid::parse(std::string_view text) {
  Uuid uuid;
  size_t digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash_here = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash_here && text[i] == '-') continue;
    const int digit = hex_digit(text[i]);
    if (dash_here || digit < 0 || digits >= 32) throw Error(ErrorKind::protocol, "not a UUID");
    uuid.bytes[digits / 2] = static_cast<uint8_t>(uuid.bytes[digits / 2] << 4 | digit);
    ++digits;
  }
  if (digits != 32) throw Error(ErrorKind::protocol, "not a UUID");
  return uuid;
}

Uuid Uuid::from_bytes(std::string_view sixteen_bytes) {
  if (sixteen_bytes.size() != 16) throw Error(ErrorKind::protocol, "a UUID has 16 bytes");
  Uuid uuid;
  for (size_t i = 0; i < 16; ++i) uuid.bytes[i] = static_cast<uint8_t>(sixteen_bytes[i]);
  return uuid;
}

std::string Uuid::to_string() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back(kHex[bytes[i] >> 4]);
    text.push_back(kHex[bytes[i] & 15]);
  }
  return text;
}

}  // namespace tributary
