#include "refresh/placing.h"

#include <algorithm>
#include <deque>

#include "change/chunk.h"

namespace tributary {

std::string placed_chunk(const ReadChunk& chunk, const Window& window, bool may_delete_extra, bool keeps_extra) {
  ChunkView placed;
  placed.after = chunk.after;
  placed.up_to = chunk.up_to;
  placed.is_key_set = !chunk.keys.empty();
  placed.keys.assign(chunk.keys.begin(), chunk.keys.end());
  placed.pages = chunk.pages;
  placed.may_delete_extra = may_delete_extra;
  placed.keeps_extra = keeps_extra;
  placed.rows.reserve(chunk.rows.size());
  std::deque<std::string> merged;
  for (const ReadChunk::Row& row : chunk.rows) {
    const auto changed = window.empty() ? window.end() : window.find(row.key);
    if (changed == window.end())
      placed.rows.push_back(row.tuple);
    else if (changed->second.last == WindowKey::Last::part)
      placed.rows.push_back(merged.emplace_back(merged_tuple(row.tuple, changed->second.tuple)));
  }
  for (const auto& [key, change] : window) {
    switch (change.last) {
      case WindowKey::Last::settled: placed.settled.push_back(key); break;
      // Whatever its range: it is what the row is at this place.
      case WindowKey::Last::whole: placed.rows.push_back(change.tuple); break;
      // The snapshot shows the row; if this chunk has it not, it lies in another range.
      case WindowKey::Last::part: break;
    }
  }
  return encode_chunk(placed);
}

std::optional<PlacedDigest> placed_digest(const ReadChunk& chunk, const Window& window, DigestForm form) {
  PlacedDigest placed;
  std::vector<size_t> unsettled;  // before which rows
  for (const ReadChunk::Row& row : chunk.rows) {
    const auto changed = window.empty() ? window.end() : window.find(row.key);
    if (changed == window.end())
      placed.rows.push_back(row);
    else if (changed->second.last == WindowKey::Last::part)
      unsettled.push_back(placed.rows.size());
  }
  const bool is_known = std::none_of(window.begin(), window.end(),
                                     [](const auto& changed) { return changed.second.last == WindowKey::Last::whole; });
  if (!is_known && !form.is_to_verify) return std::nullopt;
  // A bound is a row that the parent has too if it has what the child has.
  if (chunk.up_to) {
    if (placed.rows.empty()) return std::nullopt;
    placed.up_to = placed.rows.back().key;
  }
  DigestView digest;
  digest.is_to_verify = form.is_to_verify;
  digest.may_delete_extra = form.may_delete_extra;
  digest.keeps_extra = form.keeps_extra;
  digest.after = chunk.after;
  for (const auto& [key, change] : window) digest.settled.push_back(key);
  for (size_t begin = 0; begin < placed.rows.size() || placed.ends.empty(); begin = placed.ends.back()) {
    const size_t end = std::min(begin + kRangeRows, placed.rows.size());
    DigestView::Range& range = digest.ranges.emplace_back();
    for (size_t i = begin; i < end; ++i) range.sum.add(placed.rows[i].hash);
    if (end < placed.rows.size() || placed.up_to) range.end = placed.rows[end - 1].key;
    const bool has_unsettled = std::any_of(unsettled.begin(), unsettled.end(),
                                           [&](size_t place) { return place >= begin && (place < end || !range.end); });
    if (has_unsettled && !form.is_to_verify) ++range.sum.a;
    placed.ends.push_back(end);
  }
  placed.body = encode_digest(digest);
  return placed;
}

std::string inspection_of(const ReadChunk& chunk, const Window& window, bool wants_values) {
  DigestView inspection;
  inspection.is_inspection = true;
  inspection.wants_values = wants_values;
  for (const std::string& key : chunk.keys)
    if (!window.contains(key)) inspection.keys.push_back(key);
  return encode_digest(inspection);
}

}  // namespace tributary
