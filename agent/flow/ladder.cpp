#include "flow/ladder.h"

#include <algorithm>

namespace tributary {
namespace {

constexpr size_t kRungsMax = 32;

std::vector<std::string> names_of(const Tiers& tiers) {
  std::vector<std::string> names;
  for (const TierPosition& tier : tiers.above) names.push_back(tier.node);
  return names;
}

}  // namespace

void Ladder::applied(const std::string& child, const Position& position) {
  children_.insert(child);
  if (position.is_nil() || applied_[child] == position) return;
  applied_[child] = position;
  moved_.insert(child);
}

void Ladder::forget(const std::string& child) {
  children_.erase(child);
  applied_.erase(child);
  moved_.erase(child);
  for (Rung& rung : rungs_) rung.applied.erase(child);
  for (Positions& reached : reached_) reached.erase(child);
}

Ladder::Positions Ladder::moved() const {
  Positions moved;
  for (const std::string& child : moved_) moved[child] = applied_.at(child);
  return moved;
}

void Ladder::add(Lsn log, Positions moved) {
  std::erase_if(moved_, [&](const std::string& child) {
    const auto added = moved.find(child);
    return added != moved.end() && added->second == applied_.at(child);
  });
  rungs_.push_back({log, std::move(moved), std::nullopt});
  if (rungs_.size() <= kRungsMax) return;
  // Two become one each, at the later one's place: what is new stays exact.
  std::deque<Rung> fewer;
  for (size_t i = 0; i < rungs_.size(); i += 2) {
    if (i + 1 == rungs_.size()) {
      fewer.push_back(std::move(rungs_[i]));
      break;
    }
    Rung& later = rungs_[i + 1];
    later.applied.merge(rungs_[i].applied);
    fewer.push_back(std::move(later));
  }
  rungs_ = std::move(fewer);
}

// What the nodes above have is asked for again, of every child.
void Ladder::begin_anew() {
  for (const auto& [child, position] : applied_) moved_.insert(child);
}

void Ladder::place(const StreamProgress& progress) {
  if (progress.run() != run_)
    for (Rung& rung : rungs_) rung.seq.reset();
  run_ = progress.run();
  for (Rung& rung : rungs_)
    if (run_ != 0 && !rung.seq && rung.log <= progress.log()) rung.seq = progress.head().seq;
}

std::set<std::string> Ladder::advance(const StreamProgress& progress, const Tiers& above) {
  std::set<std::string> changed;
  place(progress);
  if (progress.head().stream != stream_ || names_of(above) != names_of(above_)) {
    stream_ = progress.head().stream;
    reached_.assign(above.above.size(), {});
    above_ = {};
    begin_anew();
    changed = children_;
  }
  if (above.is_complete != above_.is_complete) changed = children_;
  take_above(above, changed);
  return changed;
}

void Ladder::take_above(const Tiers& above, std::set<std::string>& changed) {
  for (size_t i = 0; i < above.above.size(); ++i) {
    const auto before = above_.above.size() > i ? above_.above[i].seq : std::nullopt;
    const auto& now = above.above[i].seq;
    if (before && (!now || *now < *before)) {  // it was set back
      for (const auto& [child, position] : reached_[i]) changed.insert(child);
      reached_[i].clear();
      begin_anew();
    }
    if (!now) continue;
    for (const Rung& rung : rungs_) {
      if (!rung.seq || *rung.seq > *now) break;
      for (const auto& [child, position] : rung.applied) {
        Position& reached = reached_[i][child];
        if (reached == position) continue;
        reached = position;
        changed.insert(child);
      }
    }
  }
  above_ = above;
  const auto is_passed = [&](const Rung& rung) {
    return rung.seq && std::all_of(above_.above.begin(), above_.above.end(),
                                   [&](const TierPosition& tier) { return tier.seq && *tier.seq >= *rung.seq; });
  };
  while (!rungs_.empty() && is_passed(rungs_.front())) rungs_.pop_front();
}

Tiers Ladder::of(const std::string& child, const Uuid& stream) const {
  Tiers tiers;
  tiers.is_complete = above_.is_complete;
  for (size_t i = 0; i < above_.above.size(); ++i) {
    TierPosition& tier = tiers.above.emplace_back(TierPosition{above_.above[i].node, std::nullopt});
    const auto reached = reached_[i].find(child);
    if (reached != reached_[i].end() && reached->second.stream == stream) tier.seq = reached->second.seq;
  }
  return tiers;
}

}  // namespace tributary
