#include "uplink/outgoing.h"

#include <algorithm>
#include <span>

#include "base/error.h"
#include "change/compression.h"
#include "change/payload.h"

namespace tributary {
namespace {

constexpr int kMergedLevel = 3;  // batches pile up where the link is slower than the processor

bool is_mergeable(const Batch& batch) {
  return batch.kind == BatchKind::changes && batch.part == 0 && batch.is_last_part && batch.raw_bytes <= kSmallBytes;
}

// How many batches at the beginning of `stored` become one.
size_t length_of_run(std::span<const Batch> stored) {
  if (!is_mergeable(stored[0])) return 1;
  uint64_t bytes = stored[0].raw_bytes;
  size_t length = 1;
  while (length < stored.size() && is_mergeable(stored[length]) &&
         (bytes += stored[length].raw_bytes) <= kMergedBytesMax)
    ++length;
  return length;
}

// For each shape of `from` its index in `to`, where it is added if it is missing.
std::vector<uint16_t> indexes_in(std::vector<uint64_t>& to, const std::vector<uint64_t>& from) {
  std::vector<uint16_t> indexes;
  for (const uint64_t shape : from) {
    const auto place = std::find(to.begin(), to.end(), shape);
    indexes.push_back(static_cast<uint16_t>(place - to.begin()));
    if (place == to.end()) to.push_back(shape);
  }
  return indexes;
}

bool is_identity(const std::vector<uint16_t>& indexes) {
  for (size_t i = 0; i < indexes.size(); ++i)
    if (indexes[i] != i) return false;
  return true;
}

// Appends the records of `payload` with their relations renumbered.
void append_renumbered(std::string& out, std::string_view payload, const std::vector<uint16_t>& indexes) {
  for (PayloadReader reader(payload); !reader.at_end();) {
    const Record record = reader.next();
    if (const auto* change = std::get_if<ChangeView>(&record)) {
      if (change->relation >= indexes.size())
        throw Error(ErrorKind::protocol, "a change of a table that its batch does not list");
      write_change(out, change->kind, indexes[change->relation], change->tuple);
    } else {
      write_commit(out, std::get<Commit>(record));
    }
  }
}

Batch merged(std::span<Batch> run) {
  Batch result = std::move(run[0]);
  std::string raw = decompress(result.payload, result.raw_bytes);
  for (const Batch& next : run.subspan(1)) {
    const std::string payload = decompress(next.payload, next.raw_bytes);
    const std::vector<uint16_t> indexes = indexes_in(result.relations, next.relations);
    if (is_identity(indexes))
      raw += payload;
    else
      append_renumbered(raw, payload, indexes);
    result.to = next.to;
    result.changes += next.changes;
  }
  result.raw_bytes = raw.size();
  result.payload = raw.size() <= kSmallBytes ? std::move(raw) : compress(raw, kMergedLevel);
  return result;
}

}  // namespace

std::vector<Batch> outgoing(std::vector<Batch> stored) {
  std::vector<Batch> result;
  for (size_t begin = 0; begin < stored.size();) {
    const size_t length = length_of_run(std::span(stored).subspan(begin));
    result.push_back(is_mergeable(stored[begin]) ? merged(std::span(stored).subspan(begin, length))
                                                 : std::move(stored[begin]));
    begin += length;
  }
  return result;
}

}  // namespace tributary
