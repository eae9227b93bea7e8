#include "apply/known_keys.h"

#include <set>

namespace tributary {

std::vector<std::string_view> key_texts(const Shape& shape, std::string_view key) {
  std::vector<std::string_view> texts;
  if (key.empty()) return texts;
  for (const Value& value : key_values(key, shape.key.size())) texts.push_back(value.text);
  return texts;
}

KeyRange range_of(const Shape& shape, const ChunkView& chunk) {
  return {key_texts(shape, chunk.after.value_or("")), key_texts(shape, chunk.up_to.value_or(""))};
}

KnownKeys::KnownKeys(const Shape& shape, const ChunkView& chunk) : shape_(shape), range_(range_of(shape, chunk)) {
  for (const std::string_view row : chunk.rows) {
    ByteReader in(row);
    std::vector<Value> values;
    read_tuple(in, values);
    if (values.size() != shape.columns.size())
      throw Error(ErrorKind::protocol, "a row with another number of columns than its table");
    add(std::move(values));
  }
  for (const std::string_view key : chunk.settled) {
    const std::vector<Value> parts = key_values(key, shape.key.size());
    std::vector<Value> values(shape.columns.size());
    for (size_t i = 0; i < parts.size(); ++i) values[shape.key[i]] = parts[i];
    add(std::move(values));
  }
}

void KnownKeys::add(std::vector<Value> values) {
  keys_.push_back(values_.emplace_back(std::move(values)).data());
}

std::vector<RowValues> KnownKeys::with(const std::vector<RowValues>& more) const {
  const auto key_less = [this](RowValues a, RowValues b) {
    for (const size_t column : shape_.key)
      if (const int order = a[column].text.compare(b[column].text); order != 0) return order < 0;
    return false;
  };
  std::vector<RowValues> all = keys_;
  if (more.empty()) return all;
  std::set<RowValues, decltype(key_less)> known(keys_.begin(), keys_.end(), key_less);
  for (const RowValues row : more)
    if (known.insert(row).second) all.push_back(row);
  return all;
}

RowsOfKeys::RowsOfKeys(const Shape& shape, std::vector<std::string> keys) : keys_(std::move(keys)) {
  for (const std::string& key : keys_) {
    const std::vector<Value> parts = key_values(key, shape.key.size());
    std::vector<Value>& values = values_.emplace_back(shape.columns.size());
    for (size_t i = 0; i < parts.size(); ++i) values[shape.key[i]] = parts[i];
    rows_.push_back(values.data());
  }
}

}  // namespace tributary
