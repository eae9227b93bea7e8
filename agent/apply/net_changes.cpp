#include "apply/net_changes.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace tributary {
namespace {

// The first eight bytes, as a number that sorts like them.
uint64_t beginning_of(std::string_view key) {
  unsigned char bytes[8] = {};
  std::memcpy(bytes, key.data(), std::min(key.size(), sizeof bytes));
  uint64_t number = 0;
  for (const unsigned char byte : bytes) number = number << 8 | byte;
  return number;
}

template <typename Thing, typename Less>
void sort_by_key(std::vector<ByKey<Thing>>& things, Less is_less) {
  std::stable_sort(things.begin(), things.end(), [&](const ByKey<Thing>& left, const ByKey<Thing>& right) {
    if (left.beginning != right.beginning) return left.beginning < right.beginning;
    return is_less(left.thing, right.thing);
  });
}

}  // namespace

RowValues InsertedRows::next() {
  const size_t place = taken_++;
  if (!rows_.empty()) return rows_[place];
  ByteReader in(tuples_[place]);
  read_tuple(in, values_);
  return values_.data();
}

TableChanges::TableChanges(size_t columns, std::vector<size_t> key) : columns_(columns), key_(std::move(key)) {}

bool TableChanges::read(std::string_view tuple) {
  ByteReader in(tuple);
  read_tuple(in, incoming_);
  if (incoming_.size() != columns_ || !in.empty())
    throw Error(ErrorKind::protocol, "a row with another number of columns than its table");
  return std::all_of(key_.begin(), key_.end(),
                     [&](size_t column) { return incoming_[column].kind == ValueKind::text; });
}

bool TableChanges::is_incoming_whole() const {
  return std::none_of(incoming_.begin(), incoming_.end(),
                      [](const Value& value) { return value.kind == ValueKind::unchanged; });
}

bool TableChanges::add_refreshed(std::string_view tuple) {
  if (!fresh_.empty()) settle();
  if (!read(tuple) || !is_incoming_whole()) return false;
  bool is_new = false;
  const size_t entry = find_or_add(RowState::refreshed, is_new);
  if (is_new) return true;
  // What this group did to the row is part of it.
  entries_[entry].state = RowState::put;
  std::copy(incoming_.begin(), incoming_.end(), values_of(entry));
  return true;
}

bool TableChanges::add(ChangeKind kind, std::string_view tuple) {
  if (kind == ChangeKind::chunk || kind == ChangeKind::digest || kind == ChangeKind::stale) return false;
  if (kind == ChangeKind::clear) {
    is_cleared_ = true;
    fresh_.clear();
    // A table may be cleared many times in a row.
    if (!entries_.empty()) std::fill(slots_.begin(), slots_.end(), 0);
    entries_.clear();
    values_.clear();
    return true;
  }

  if (!read(tuple)) return false;
  RowState wanted = kind == ChangeKind::insert ? RowState::inserted : RowState::put;
  if (kind == ChangeKind::remove) {
    wanted = RowState::removed;
  } else if (!is_incoming_whole()) {
    if (kind != ChangeKind::patch) return false;
    wanted = RowState::patched;
  }

  if (wanted == RowState::inserted && entries_.empty() && key_.size() == 1) {
    const std::string_view key = incoming_[key_.front()].text;
    fresh_.push_back({beginning_of(key), {key, tuple}});
    is_fresh_sorted_ = false;
    return true;
  }
  if (!fresh_.empty()) {
    settle();
    read(tuple);
  }
  return take_in(wanted);
}

void TableChanges::settle() {
  for (const ByKey<Fresh>& fresh : std::exchange(fresh_, {})) {
    read(fresh.thing.tuple);
    take_in(RowState::inserted);
  }
}

bool TableChanges::take_in(RowState wanted) {
  bool is_new = false;
  const size_t entry = find_or_add(wanted, is_new);
  if (is_new) return true;
  Value* values = values_of(entry);
  if (wanted != RowState::patched) {
    // What was inserted stays so. What is inserted here a second time was removed, and may have been there before.
    const bool is_still_inserted = wanted == RowState::put && entries_[entry].state == RowState::inserted;
    if (wanted == RowState::inserted) wanted = RowState::put;
    entries_[entry].state = is_still_inserted ? RowState::inserted : wanted;
    std::copy(incoming_.begin(), incoming_.end(), values);
    return true;
  }
  if (entries_[entry].state == RowState::removed) return false;
  for (size_t i = 0; i < columns_; ++i)
    if (incoming_[i].kind != ValueKind::unchanged) values[i] = incoming_[i];
  return true;
}

size_t TableChanges::count(RowState state) const {
  if (!fresh_.empty()) return state == RowState::inserted ? fresh_.size() : 0;
  return static_cast<size_t>(
      std::count_if(entries_.begin(), entries_.end(), [state](const Entry& entry) { return entry.state == state; }));
}

std::vector<RowValues> TableChanges::rows(std::initializer_list<RowState> states) {
  if (!fresh_.empty()) {
    if (std::find(states.begin(), states.end(), RowState::inserted) == states.end()) return {};
    settle();
  }
  std::vector<ByKey<RowValues>> sorted;
  for (size_t i = 0; i < entries_.size(); ++i)
    if (std::find(states.begin(), states.end(), entries_[i].state) != states.end())
      sorted.push_back({beginning_of(values_of(i)[key_.front()].text), values_of(i)});
  sort_by_key(sorted, [this](RowValues left, RowValues right) {
    for (const size_t column : key_)
      if (const int order = left[column].text.compare(right[column].text); order != 0) return order < 0;
    return false;
  });
  std::vector<RowValues> rows;
  rows.reserve(sorted.size());
  for (const ByKey<RowValues>& row : sorted) rows.push_back(row.thing);
  return rows;
}

void TableChanges::sort_inserted() {
  if (!is_fresh_sorted_)
    sort_by_key(fresh_, [](const Fresh& left, const Fresh& right) { return left.key < right.key; });
  is_fresh_sorted_ = true;
}

InsertedRows TableChanges::inserted_rows() {
  if (fresh_.empty()) return InsertedRows(rows({RowState::inserted, RowState::refreshed}));
  sort_inserted();
  std::vector<std::string_view> tuples;
  tuples.reserve(fresh_.size());
  for (const ByKey<Fresh>& fresh : fresh_) tuples.push_back(fresh.thing.tuple);
  return InsertedRows(std::move(tuples));
}

uint64_t TableChanges::hash_of_key() const {
  uint64_t hash = 0;
  for (const size_t column : key_)
    hash = (hash ^ std::hash<std::string_view>{}(incoming_[column].text)) * 0x9e3779b97f4a7c15ULL;
  return hash ^ hash >> 32;
}

bool TableChanges::has_key(size_t entry) const {
  const Value* values = values_of(entry);
  return std::all_of(key_.begin(), key_.end(),
                     [&](size_t column) { return values[column].text == incoming_[column].text; });
}

bool TableChanges::note_present(const std::vector<std::string_view>& key) {
  if (!fresh_.empty()) settle();
  if (entries_.empty() || key.size() != key_.size()) return false;
  incoming_.assign(columns_, Value{});
  for (size_t i = 0; i < key.size(); ++i) incoming_[key_[i]] = {ValueKind::text, key[i]};
  const size_t slot = slot_of(hash_of_key());
  if (slots_[slot] == 0) return false;
  RowState& state = entries_[slots_[slot] - 1].state;
  if (state == RowState::refreshed || state == RowState::inserted) state = RowState::present;
  return true;
}

size_t TableChanges::slot_of(uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const size_t entry = slots_[slot] - 1;
    if (entries_[entry].hash == hash && has_key(entry)) break;
  }
  return slot;
}

size_t TableChanges::find_or_add(RowState state_if_new, bool& is_new) {
  if (entries_.size() * 2 >= slots_.size()) grow();
  const uint64_t hash = hash_of_key();
  const size_t slot = slot_of(hash);
  if (slots_[slot] != 0) return slots_[slot] - 1;
  is_new = true;
  entries_.push_back({state_if_new, hash});
  values_.insert(values_.end(), incoming_.begin(), incoming_.end());
  slots_[slot] = static_cast<uint32_t>(entries_.size());
  return entries_.size() - 1;
}

void TableChanges::grow() {
  slots_.assign(std::max<size_t>(16, slots_.size() * 4), 0);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < entries_.size(); ++i) {
    size_t slot = entries_[i].hash & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

}  // namespace tributary
