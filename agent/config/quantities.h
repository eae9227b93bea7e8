// Sizes and durations as people write them in the configuration and on the command line: one grammar for all.
//
//   size      "8 GiB", "512 MiB", "64 kB", "1.5 GB", "4096" (bytes); kB, MB, GB, TB are powers of 1000
//   duration  "500ms", "30s", "10m", "24h", "7d", and sums of them: "1h30m"
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tributary {

// Bytes. Throws Error(config), which says what is accepted.
uint64_t parse_size(std::string_view text);
std::chrono::milliseconds parse_duration(std::string_view text);

// The shortest exact or nearly exact form, for people: "8 GiB", "1.4 MiB", "512 B"; "1h30m", "2.5s", "40ms".
std::string format_size(uint64_t bytes);
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace tributary
