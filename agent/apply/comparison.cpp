#include "apply/comparison.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace tributary {
namespace {

using Keys = std::unordered_set<std::string_view>;

Keys settled_of(const DigestView& digest) {
  return {digest.settled.begin(), digest.settled.end()};
}

bool is_equal(const DigestView& digest, const std::vector<Comparison::Row>& rows, const ComparedRanges& ranges,
              const Keys& settled) {
  RangeSum theirs, ours;
  uint64_t count = 0;
  for (size_t i = ranges.first; i <= ranges.last; ++i) {
    const RangeSum& sum = digest.ranges[i].sum;
    count += sum.rows;
    theirs.a += sum.a;
    theirs.b += sum.b;
  }
  uint64_t counted = 0;
  for (size_t i = ranges.rows_begin; i < ranges.rows_end; ++i) {
    if (settled.contains(rows[i].key)) continue;
    ++counted;
    ours.add(rows[i].hash);
  }
  return count == counted && theirs.a == ours.a && theirs.b == ours.b;
}

}  // namespace

std::vector<ComparedRanges> compare(const DigestView& digest, const std::vector<Comparison::Row>& rows, bool is_cut) {
  const Keys settled = settled_of(digest);
  std::unordered_map<std::string_view, size_t> ends;
  for (size_t i = 0; i < digest.ranges.size(); ++i)
    if (digest.ranges[i].end) ends.emplace(*digest.ranges[i].end, i);
  std::vector<ComparedRanges> compared;
  ComparedRanges next;
  const auto close = [&](size_t last, size_t rows_end) {
    next.last = last;
    next.rows_end = rows_end;
    next.is_equal = is_equal(digest, rows, next, settled);
    compared.push_back(next);
    next = {last + 1, last + 1, rows_end, rows_end, false};
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto end = ends.find(rows[i].key);
    if (end != ends.end() && end->second >= next.first) close(end->second, i + 1);
  }
  if (next.first == digest.ranges.size()) return compared;
  close(digest.ranges.size() - 1, rows.size());
  if (is_cut) compared.back().is_equal = false;
  return compared;
}

size_t equal_ranges(const std::vector<ComparedRanges>& compared) {
  size_t count = 0;
  for (const ComparedRanges& ranges : compared) {
    if (!ranges.is_equal) break;
    count = ranges.last + 1;
  }
  return count;
}

std::vector<Comparison::Difference> differences_of(const DigestView& digest, const std::vector<Comparison::Row>& rows,
                                                   const std::vector<ComparedRanges>& compared, bool is_cut,
                                                   size_t rows_max, size_t bytes_max) {
  const Keys settled = settled_of(digest);
  std::vector<Comparison::Difference> differences;
  size_t count = 0, bytes = 0;
  for (const ComparedRanges& ranges : compared) {
    if (ranges.is_equal) continue;
    Comparison::Difference difference;
    difference.first = static_cast<uint32_t>(ranges.first);
    difference.last = static_cast<uint32_t>(ranges.last);
    for (size_t i = ranges.rows_begin; i < ranges.rows_end && count <= rows_max && bytes <= bytes_max; ++i) {
      if (settled.contains(rows[i].key)) continue;
      ++count;
      bytes += rows[i].key.size();
      difference.rows.push_back(rows[i]);
    }
    const bool is_last_read = ranges.last + 1 == digest.ranges.size();
    if (count > rows_max || bytes > bytes_max || (is_cut && is_last_read)) {
      difference.rows.clear();
      difference.last = static_cast<uint32_t>(digest.ranges.size() - 1);
      difference.is_cut = true;
      differences.push_back(std::move(difference));
      break;
    }
    differences.push_back(std::move(difference));
  }
  return differences;
}

}  // namespace tributary
