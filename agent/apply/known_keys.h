// The keys of a chunk's range that are accounted for: those of its rows, and those that the stream has settled. What
// else of the child lies in the range, the child does not have.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "apply/refresh_statements.h"
#include "change/chunk.h"

namespace tributary {

// A key's values as texts; empty for no key. Throws Error(protocol) when it is none of the table.
std::vector<std::string_view> key_texts(const Shape& shape, std::string_view key);

KeyRange range_of(const Shape& shape, const ChunkView& chunk);

// Refers to the chunk's bytes.
class KnownKeys {
 public:
  KnownKeys(const Shape& shape, const ChunkView& chunk);

  const KeyRange& range() const { return range_; }
  // Rows of values, of which the key's are set; each key once.
  const std::vector<RowValues>& keys() const { return keys_; }
  std::vector<RowValues> with(const std::vector<RowValues>& more) const;

 private:
  void add(std::vector<Value> values);

  const Shape& shape_;
  KeyRange range_;
  std::deque<std::vector<Value>> values_;
  std::vector<RowValues> keys_;
};

// Rows of values of a table, of which the key's are set.
class RowsOfKeys {
 public:
  RowsOfKeys(const Shape& shape, std::vector<std::string> keys);
  RowsOfKeys(const RowsOfKeys&) = delete;
  RowsOfKeys& operator=(const RowsOfKeys&) = delete;
  const std::vector<RowValues>& rows() const { return rows_; }

 private:
  const std::vector<std::string> keys_;
  std::deque<std::vector<Value>> values_;
  std::vector<RowValues> rows_;
};

}  // namespace tributary
