// PostgreSQL's snapshot of which transactions a statement sees: https://www.postgresql.org/docs/15/functions-info.html,
// pg_current_snapshot(): "xmin:xmax:xid,xid,...", of top-level transactions, with 64-bit identifiers.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tributary {

struct Snapshot {
  uint64_t xmin = 0;                  // every transaction below was over
  uint64_t xmax = 0;                  // from here on none was
  std::vector<uint64_t> in_progress;  // of those in between, sorted

  static Snapshot parse(std::string_view text);  // throws Error(protocol)
  bool sees(uint64_t xid) const;
  // A transaction of the stream comes with the lower half of its identifier; the whole is the one that is nearest.
  uint64_t full_xid(uint32_t xid) const;
  bool sees_short(uint32_t xid) const { return sees(full_xid(xid)); }
};

}  // namespace tributary
