// A random (version 4) UUID: names of streams, nonces, instances.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tributary {

struct Uuid {
  std::array<uint8_t, 16> bytes{};

  static Uuid random();                                    // from the kernel's random source
  static Uuid parse(std::string_view text);                // 8-4-4-4-12 hex; throws Error of kind protocol
  static Uuid from_bytes(std::string_view sixteen_bytes);  // throws Error of kind protocol on any other length

  std::string to_string() const;
  std::string to_bytes() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  bool is_nil() const { return *this == Uuid{}; }
  friend bool operator==(const Uuid&, const Uuid&) = default;
};

}  // namespace tributary
