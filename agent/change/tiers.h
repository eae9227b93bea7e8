// How far the nodes above one have its stream: what an acknowledgement carries beside the applied position.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tributary {

inline constexpr size_t kTiersMax = 32;

struct TierPosition {
  std::string node;
  std::optional<uint64_t> seq;  // of the stream; nullopt: not known (yet, or any more)
  friend bool operator==(const TierPosition&, const TierPosition&) = default;
};

struct Tiers {
  std::vector<TierPosition> above;  // the nearest first
  bool is_complete = false;         // there are no others
  friend bool operator==(const Tiers&, const Tiers&) = default;
};

}  // namespace tributary
