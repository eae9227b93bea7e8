// Reading and writing of big-endian bytes. A short read is an Error of kind protocol, never a default value.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tributary {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool empty() const { return at_ == end_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  const char* position() const { return at_; }

  uint8_t u8() { return static_cast<uint8_t>(*take(1)); }
  uint16_t u16() { return static_cast<uint16_t>(integer(2)); }
  uint32_t u32() { return static_cast<uint32_t>(integer(4)); }
  uint64_t u64() { return integer(8); }
  int64_t i64() { return static_cast<int64_t>(integer(8)); }

  std::string_view bytes(size_t count) { return {take(count), count}; }
  void skip(size_t count) { take(count); }

  // Up to and without a terminating NUL, which is consumed.
  std::string_view c_string() {
    const void* nul = remaining() ? std::memchr(at_, 0, remaining()) : nullptr;
    if (!nul) throw Error(ErrorKind::protocol, "unterminated string in a message");
    const char* start = at_;
    at_ = static_cast<const char*>(nul) + 1;
    return {start, static_cast<size_t>(at_ - 1 - start)};
  }

 private:
  const char* take(size_t count) {
    if (remaining() < count) throw Error(ErrorKind::protocol, "message ends too early");
    const char* start = at_;
    at_ += count;
    return start;
  }
  uint64_t integer(size_t width) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(take(width));
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value = value << 8 | bytes[i];
    return value;
  }

  const char* at_;
  const char* end_;
};

template <typename Integer>
void put_big_endian(std::string& out, Integer value) {
  char bytes[sizeof(Integer)];
  auto rest = static_cast<uint64_t>(value);
  for (size_t i = sizeof(Integer); i-- > 0; rest >>= 8) bytes[i] = static_cast<char>(rest & 0xff);
  out.append(bytes, sizeof(Integer));
}
inline void put_u8(std::string& out, uint8_t value) {
  out.push_back(static_cast<char>(value));
}
inline void put_u16(std::string& out, uint16_t value) {
  put_big_endian(out, value);
}
inline void put_u32(std::string& out, uint32_t value) {
  put_big_endian(out, value);
}
inline void put_u64(std::string& out, uint64_t value) {
  put_big_endian(out, value);
}

}  // namespace tributary
