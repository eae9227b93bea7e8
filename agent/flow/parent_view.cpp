#include "flow/parent_view.h"

#include <algorithm>

namespace tributary {

void ParentView::welcome(const Position& applied, const Want& want) {
  tables_.clear();
  keys_.clear();
  comparisons_.clear();
  left_.clear();
  at_ = applied;
  welcomed_at_ = applied.seq;
  is_connected_ = true;
  answers_inspections_ = want.answers_inspections;
  ++sessions_;
  store(want);
  changed();
}

void ParentView::take(const Want& want) {
  if (std::find(left_.begin(), left_.end(), want.at.stream) != left_.end())
    return;  // an acknowledgement of the next stream came first
  move_to(want.at);
  store(want);
  changed();
}

void ParentView::applied(const Position& applied) {
  move_to(applied);
  changed();
}

// In a new stream everything is to be refreshed anew.
void ParentView::move_to(const Position& position) {
  if (position.stream != at_.stream) {
    left_.push_back(at_.stream);
    tables_.clear();
    keys_.clear();
    comparisons_.clear();
    welcomed_at_ = 0;
  } else if (position.seq < at_.seq) {
    return;
  }
  at_ = position;
  std::erase_if(keys_, [&](const auto& key) {
    return key.second.placed_at > key.second.said_at && key.second.placed_at <= at_.seq;
  });
}

void ParentView::store(const Want& want) {
  for (const TableState& state : want.tables)
    if (sent_.contains(state.table)) tables_[state.table] = {state, want.at.seq};
  std::set<std::string> tables;
  for (const StaleKey& stale : want.keys) {
    if (!sent_.contains(stale.table)) continue;
    keys_[{stale.table, stale.key}] = {want.at.seq, 0};
    tables.insert(stale.table);
  }
  for (const std::string& table : tables) limit_keys(table, want.at.seq);
  for (const Comparison& comparison : want.comparisons)
    if (sent_.contains(comparison.table)) comparisons_.push_back(comparison);
  while (comparisons_.size() > kComparisonsMax) comparisons_.pop_front();
}

void ParentView::limit_keys(const std::string& table, uint64_t said_at) {
  size_t count = 0, bytes = 0;
  auto key = keys_.lower_bound({table, std::string()});
  for (; key != keys_.end() && key->first.first == table; ++key) {
    ++count;
    bytes += key->first.second.size();
  }
  if (count <= kKeysMax && bytes <= kKeyBytesMax) return;
  forget_stale(table);
  keys_[{table, std::string()}] = {said_at, 0};
}

const TableState& ParentView::table(const std::string& name) const {
  static const TableState never;
  const auto found = tables_.find(name);
  return found == tables_.end() ? never : found->second.state;
}

uint64_t ParentView::said_at(const std::string& name) const {
  const auto found = tables_.find(name);
  return found == tables_.end() ? welcomed_at_ : std::max(found->second.said_at, welcomed_at_);
}

std::vector<StaleKey> ParentView::stale_keys(size_t max, const std::set<std::string>& of_tables) const {
  std::vector<StaleKey> keys;
  for (const auto& [name, key] : keys_) {
    if (key.placed_at > key.said_at || !of_tables.contains(name.first)) continue;
    if (!keys.empty() && keys.front().table != name.first) break;
    keys.push_back({name.first, name.second});
    if (keys.size() == max) break;
  }
  return keys;
}

size_t ParentView::stale_count(const std::string& table) const {
  const auto first = keys_.lower_bound({table, std::string()});
  const auto last = std::find_if(first, keys_.end(), [&](const auto& key) { return key.first.first != table; });
  return static_cast<size_t>(std::distance(first, last));
}

void ParentView::placed(const std::vector<StaleKey>& keys, uint64_t seq) {
  for (const StaleKey& stale : keys)
    if (const auto found = keys_.find({stale.table, stale.key}); found != keys_.end()) found->second.placed_at = seq;
}

void ParentView::forget_placed() {
  for (auto& [name, key] : keys_) key.placed_at = 0;
}

std::optional<Comparison> ParentView::take_comparison(const std::string& table, uint64_t seq) {
  const auto found = std::find_if(comparisons_.begin(), comparisons_.end(), [&](const Comparison& comparison) {
    return comparison.table == table && comparison.seq == seq;
  });
  if (found == comparisons_.end()) return std::nullopt;
  Comparison comparison = std::move(*found);
  comparisons_.erase(comparisons_.begin(), found + 1);
  return comparison;
}

}  // namespace tributary
