// What the parts of the refresh (flow/refresh.h) agree on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "refresh/placing.h"

namespace tributary {

inline constexpr size_t kDigestRows = 64 * kRangeRows;
inline constexpr uint64_t kDigestBytes = 16 << 20;  // read for one, as they are stored
inline constexpr size_t kCopyRowsMin = 20;
inline constexpr auto kRefreshPause = std::chrono::milliseconds(50);
inline constexpr auto kRefreshLookInterval = std::chrono::seconds(1);

}  // namespace tributary
