// How far the nodes above have this node's stream, as this node knows it: its parent by its own acknowledgements, the
// others by what the parent says of them. Of this stream, and of what is settled: where something of a table has to be
// compared or sent again, the figure stands still. Pure.
#pragma once

#include <algorithm>
#include <string>

#include "change/position.h"
#include "change/tiers.h"

namespace tributary {

class Above {
 public:
  // The parent has the stream up to `applied`. `is_settled`: and nothing before it has to be mended there.
  void at_parent(const std::string& parent, const Position& applied, bool is_settled) {
    if (!parent_.node.empty() && parent != parent_.node) *this = {};
    parent_.node = parent;
    move_to(applied.stream);
    if (is_settled)
      parent_.seq = applied.seq;
    else if (parent_.seq)
      parent_.seq = std::min(*parent_.seq, applied.seq);
  }
  // What the parent says of the nodes above it, in this node's stream `stream`.
  void heard(const Uuid& stream, Tiers tiers) {
    move_to(stream);
    farther_ = std::move(tiers);
  }

  const Uuid& stream() const { return stream_; }
  // The parent first; none before there was one.
  Tiers tiers() const {
    Tiers tiers = farther_;
    if (parent_.node.empty()) return {};
    tiers.above.insert(tiers.above.begin(), parent_);
    if (tiers.above.size() > kTiersMax) {
      tiers.above.resize(kTiersMax);
      tiers.is_complete = false;
    }
    return tiers;
  }

 private:
  void move_to(const Uuid& stream) {
    if (stream == stream_) return;
    stream_ = stream;
    parent_.seq.reset();
    for (TierPosition& tier : farther_.above) tier.seq.reset();
  }

  Uuid stream_;
  TierPosition parent_;
  Tiers farther_;
};

}  // namespace tributary
