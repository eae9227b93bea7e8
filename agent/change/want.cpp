#include "change/want.h"

namespace tributary {
namespace {

constexpr size_t kOverhead = 32;  // of one thing, about

size_t bytes_of(const TableState& state) {
  return kOverhead + state.table.size() + state.walked_to.size() + state.reason.size() + state.hint.size();
}
size_t bytes_of(const StaleKey& key) {
  return kOverhead + key.table.size() + key.key.size();
}
size_t bytes_of(const Comparison& comparison) {
  size_t bytes = kOverhead + comparison.table.size() + comparison.refusal.size();
  for (const Comparison::Difference& difference : comparison.differences) {
    bytes += kOverhead;
    for (const Comparison::Row& row : difference.rows) bytes += kOverhead + row.key.size();
  }
  for (const Comparison::InspectedRow& row : comparison.inspected) {
    bytes += kOverhead + row.key.size() + row.stale_reason.size();
    for (const std::string& value : row.values) bytes += 4 + value.size();
  }
  for (const std::string& trigger : comparison.triggers) bytes += kOverhead + trigger.size();
  return bytes;
}

// Moves the things to the last of the pieces, and to new ones.
template <typename Thing>
void deal(std::vector<Want>& pieces, size_t& bytes, size_t bytes_max, std::vector<Thing> things,
          std::vector<Thing> Want::*place) {
  for (Thing& thing : things) {
    const size_t more = bytes_of(thing);
    if (bytes + more > bytes_max && !pieces.back().is_empty()) {
      Want next;
      next.at = pieces.back().at;
      pieces.push_back(std::move(next));
      bytes = 0;
    }
    bytes += more;
    (pieces.back().*place).push_back(std::move(thing));
  }
}

}  // namespace

std::vector<Want> Want::split(Want want, size_t bytes_max) {
  std::vector<Want> pieces(1);
  pieces.front().at = want.at;
  pieces.front().answers_inspections = want.answers_inspections;
  size_t bytes = 0;
  deal(pieces, bytes, bytes_max, std::move(want.tables), &Want::tables);
  deal(pieces, bytes, bytes_max, std::move(want.keys), &Want::keys);
  deal(pieces, bytes, bytes_max, std::move(want.comparisons), &Want::comparisons);
  return pieces;
}

}  // namespace tributary
