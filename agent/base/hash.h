// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/): for names and shapes, not against an adversary.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tributary {

constexpr uint64_t kHashSeed = 0xcbf29ce484222325ULL;

constexpr uint64_t hash_of(std::string_view bytes, uint64_t seed = kHashSeed) {
  for (const char byte : bytes) seed = (seed ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  return seed;
}

// Eight hexadecimal digits: the 32-bit form.
inline std::string short_hash(std::string_view text) {
  uint32_t hash = 0x811c9dc5U;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x01000193U;
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", hash);
  return digits;
}

}  // namespace tributary
