#include "change/position.h"

#include <cinttypes>
#include <cstdio>

#include "base/error.h"

namespace tributary {
namespace {

// The finalizer of SplitMix64: every input bit reaches every output bit.
uint64_t mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

Lsn Lsn::parse(std::string_view text) {
  unsigned high = 0, low = 0;
  int used = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%8x/%8x%n", &high, &low, &used) != 2 || static_cast<size_t>(used) != copy.size())
    throw Error(ErrorKind::protocol, "not a WAL position: " + copy);
  return {static_cast<uint64_t>(high) << 32 | low};
}

std::string Lsn::to_string() const {
  char text[20];
  std::snprintf(text, sizeof text, "%" PRIX64 "/%" PRIX64, value >> 32, value & 0xffffffff);
  return text;
}

std::string Position::to_string() const {
  if (is_nil()) return "none";
  return stream.to_string().substr(0, 8) + "/" + std::to_string(seq) + "@" + end_lsn.to_string();
}

Position advance(const Position& position, const Commit& commit) {
  Position next = position;
  next.seq = position.seq + 1;
  next.end_lsn = commit.end_lsn;
  next.chain = mix(mix(mix(mix(position.chain) ^ commit.end_lsn.value) ^ commit.xid) ^ static_cast<uint64_t>(commit.time));
  return next;
}

}  // namespace tributary
