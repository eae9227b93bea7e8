// A status as text for people: what `tributary status` prints. Pure.
#pragma once

#include <status.pb.h>

#include <cstdint>
#include <string>

namespace tributary {

struct RenderOptions {
  int64_t now = 0;       // Unix time in milliseconds: ages are as of this moment, times are local
  bool is_utf8 = false;  // tree lines; otherwise ASCII
  bool is_coloured = false;
  size_t width = 80;  // in columns
};

// What needs a person first, worst first; then the node's parts in flow order; then its children as a tree. The status
// must have been cleaned (monitor/bounds.h).
std::string render(const status::NodeStatus& node, const RenderOptions& options);

}  // namespace tributary
