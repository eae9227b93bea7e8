// How far the nodes above have the streams of this node's children: what their acknowledgements carry upwards of the
// applied position.
//
//   a child's position applied here ─▶ a place in this node's log ─▶ a place in its stream ─▶ applied above
//
// What is applied here was committed before the log's end at a moment after; when capture has come to that end, it lies
// in this node's stream up to its head; when a node above has the stream so far, it has the child's position. Some
// dozen such pairs are remembered, the newest exactly. After a restart, or in a new stream, nothing is known until it
// is known again. Pure.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "change/position.h"
#include "change/tiers.h"
#include "flow/stream_progress.h"

namespace tributary {

class Ladder {
 public:
  using Positions = std::map<std::string, Position>;  // by child

  // This child's stream is applied here up to `position`.
  void applied(const std::string& child, const Position& position);
  void forget(const std::string& child);

  // What was applied since the last `add`; where the log ends is to be asked for afterwards.
  bool has_moved() const { return !moved_.empty(); }
  Positions moved() const;
  void add(Lsn log, Positions moved);

  // What capture has done, and what the nodes above have of this node's own stream. Returns the children for which
  // something changed.
  std::set<std::string> advance(const StreamProgress& progress, const Tiers& above);

  // Of the child's stream `stream`.
  Tiers of(const std::string& child, const Uuid& stream) const;

 private:
  struct Rung {
    Lsn log;
    Positions applied;
    std::optional<uint64_t> seq;  // of this node's stream; nullopt: capture has not come to `log`
  };
  void begin_anew();
  void place(const StreamProgress& progress);
  void take_above(const Tiers& above, std::set<std::string>& changed);

  std::set<std::string> children_;
  Positions applied_;
  std::set<std::string> moved_;
  std::deque<Rung> rungs_;
  Uuid stream_;
  uint64_t run_ = 0;
  Tiers above_;
  std::vector<Positions> reached_;  // at each of above_
};

}  // namespace tributary
