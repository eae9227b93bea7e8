// Wall-clock time, for what people see and for lag; order never depends on it.
#pragma once

#include <chrono>
#include <cstdint>

namespace tributary {

inline int64_t unix_milliseconds_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// PostgreSQL's epoch, 2000-01-01 UTC, in microseconds of Unix time.
constexpr int64_t kPostgresEpochMicroseconds = 946'684'800'000'000;

// Microseconds since 2000-01-01, as commit times are given.
inline int64_t postgres_microseconds_now() {
  return unix_milliseconds_now() * 1000 - kPostgresEpochMicroseconds;
}

}  // namespace tributary
