// The percentiles that a latency is told by.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tributary::test {

struct Percentiles {
  double p50 = 0, p95 = 0, p99 = 0, most = 0;  // in the unit of the values
  size_t count = 0;
};

inline Percentiles percentiles(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())))];
  };
  return {at(0.5), at(0.95), at(0.99), values.back(), values.size()};
}

}  // namespace tributary::test
