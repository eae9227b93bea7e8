#include "refresh/snapshot.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace tributary {
namespace {

[[noreturn]] void throw_not_a_snapshot() {
  throw Error(ErrorKind::protocol, "PostgreSQL answered with something that is not a snapshot");
}

uint64_t number_in(std::string_view text) {
  uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size() || text.empty()) throw_not_a_snapshot();
  return number;
}

}  // namespace

Snapshot Snapshot::parse(std::string_view text) {
  const size_t first = text.find(':'), second = text.find(':', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) throw_not_a_snapshot();
  Snapshot snapshot;
  snapshot.xmin = number_in(text.substr(0, first));
  snapshot.xmax = number_in(text.substr(first + 1, second - first - 1));
  for (std::string_view list = text.substr(second + 1); !list.empty();) {
    const size_t comma = std::min(list.find(','), list.size());
    snapshot.in_progress.push_back(number_in(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  std::sort(snapshot.in_progress.begin(), snapshot.in_progress.end());
  return snapshot;
}

bool Snapshot::sees(uint64_t xid) const {
  if (xid < xmin) return true;
  return xid < xmax && !std::binary_search(in_progress.begin(), in_progress.end(), xid);
}

uint64_t Snapshot::full_xid(uint32_t xid) const {
  const auto behind = static_cast<int32_t>(static_cast<uint32_t>(xmax) - xid);
  return xmax - static_cast<uint64_t>(static_cast<int64_t>(behind));
}

}  // namespace tributary
