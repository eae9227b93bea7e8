#include "refresh/pending.h"

#include <algorithm>

#include "change/chunk.h"

namespace tributary {
namespace {

constexpr size_t kKeyChangeBytes = 96;  // of the containers, about
constexpr uint64_t kEarlierMax = 1 << 20;

}  // namespace

std::string merged_tuple(std::string_view row, std::string_view changes) {
  ByteReader row_in(row), changes_in(changes);
  std::vector<Value> values, changed;
  read_tuple(row_in, values);
  read_tuple(changes_in, changed);
  if (values.size() != changed.size()) throw Error(ErrorKind::protocol, "two versions of a row with other columns");
  for (size_t i = 0; i < values.size(); ++i)
    if (changed[i].kind != ValueKind::unchanged) values[i] = changed[i];
  std::string merged;
  write_tuple(merged, values);
  return merged;
}

void Pending::start() {
  stop();
  is_on_ = true;
}

void Pending::set_earlier(const Snapshot& snapshot, uint64_t own_xid) {
  if (own_xid > snapshot.xmax + kEarlierMax)
    throw Error(ErrorKind::resource, "too many transactions are under way to begin a refresh");
  earlier_.emplace();
  for (const uint64_t xid : snapshot.in_progress)
    if (xid < own_xid) earlier_->push_back(xid);
  for (uint64_t xid = snapshot.xmax; xid < own_xid; ++xid) earlier_->push_back(xid);
}

void Pending::stop() {
  is_on_ = false;
  earlier_.reset();
  open_.reset();
  committed_.clear();
  bytes_ = 0;
}

void Pending::begin(uint32_t xid, bool are_keys_known) {
  if (!is_on_) return;
  open_.emplace();
  open_->xid = xid;
  open_->are_keys_known = are_keys_known;
}

void Pending::change(uint32_t table, ChangeKind kind, std::string_view tuple, const std::vector<size_t>& key) {
  if (!open_ || !open_->are_keys_known) return;
  TableChanges& changes = open_->tables[table];
  if (changes.is_unknown) return;
  std::optional<std::string> key_bytes;
  if (kind != ChangeKind::clear) key_bytes = key_of(tuple, key);
  if (!key_bytes || changes.keys.size() >= limits_.keys_per_table) {
    changes.keys.clear();
    changes.is_unknown = true;
    return;
  }
  const bool has_tuple = kind == ChangeKind::insert || kind == ChangeKind::put || kind == ChangeKind::patch;
  KeyChange& change =
      changes.keys.emplace_back(KeyChange{std::move(*key_bytes), kind, has_tuple ? std::string(tuple) : std::string()});
  const size_t bytes = change.key.size() + change.tuple.size() + kKeyChangeBytes;
  open_->bytes += bytes;
  bytes_ += bytes;
  if (bytes_ > limits_.bytes) forget_keys(*open_);
}

void Pending::forget_keys(Transaction& transaction) {
  bytes_ -= transaction.bytes;
  transaction.bytes = 0;
  transaction.are_keys_known = false;
  transaction.tables.clear();
}

void Pending::commit() {
  if (!open_) return;
  committed_.push_back(std::move(*open_));
  open_.reset();
}

void Pending::prune(const Snapshot& snapshot) {
  if (earlier_) std::erase_if(*earlier_, [&](uint64_t xid) { return snapshot.sees(xid); });
  std::erase_if(committed_, [&](const Transaction& transaction) {
    if (!snapshot.sees_short(transaction.xid)) return false;
    bytes_ -= transaction.bytes;
    return true;
  });
}

bool Pending::waits_for_earlier(const Snapshot& snapshot) const {
  if (!earlier_) return true;
  return std::any_of(earlier_->begin(), earlier_->end(), [&](uint64_t xid) {
    if (snapshot.sees(xid)) return false;
    return std::none_of(committed_.begin(), committed_.end(),
                        [&](const Transaction& decoded) { return snapshot.full_xid(decoded.xid) == xid; });
  });
}

std::optional<Window> Pending::window(uint32_t table, const Snapshot& snapshot) const {
  if (waits_for_earlier(snapshot)) return std::nullopt;
  Window window;
  for (const Transaction& transaction : committed_) {
    if (snapshot.sees_short(transaction.xid)) continue;
    if (!transaction.are_keys_known) return std::nullopt;
    const auto changes = transaction.tables.find(table);
    if (changes == transaction.tables.end()) continue;
    if (changes->second.is_unknown) return std::nullopt;
    for (const KeyChange& change : changes->second.keys) {
      const auto [place, is_new] = window.try_emplace(change.key);
      WindowKey& key = place->second;
      if (window.size() > limits_.keys_per_table) return std::nullopt;
      if (change.kind != ChangeKind::patch) {
        // The row itself is kept in case single columns follow; of a stale key nobody knows it.
        if (change.kind == ChangeKind::stale) return std::nullopt;
        key = {WindowKey::Last::settled, change.tuple};
      } else if (is_new) {
        key = {WindowKey::Last::part, change.tuple};
      } else {
        if (key.tuple.empty()) return std::nullopt;  // of a row that was deleted: no stream of ours says that
        key.tuple = merged_tuple(key.tuple, change.tuple);
        if (key.last == WindowKey::Last::settled) key.last = WindowKey::Last::whole;
      }
    }
  }
  return window;
}

}  // namespace tributary
