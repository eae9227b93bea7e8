// What a group of changes does to one table in the end: at most one of "removed", "inserted", "put" and "patched" per
// key, after an optional clear of the table (exact-rules.md 3).
//
// Pure. Values are views into the payloads that the tuples were read from, which must outlive this. Two texts of one
// key value (1.0 and 1.00) are two keys here; the statements' row counts notice what that leads to.
// As long as a table sees nothing but inserts, they are kept as they came, and nothing is looked up.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "change/payload.h"

namespace tributary {

enum class RowState : uint8_t {
  removed,
  inserted,  // a whole row that the table should not have; a put as well, if it has it all the same
  put,
  patched,
  refreshed,  // a whole row of a chunk: it may be there already, just as it is
  present,    // one of the last, or an inserted one, of which is known that a row of its key is there
};

// One row's values, in wire order; of a removed row only the key's columns are set.
using RowValues = const Value*;

// A thing to be sorted by the bytes of a key: mostly its beginning tells.
template <typename Thing>
struct ByKey {
  uint64_t beginning;
  Thing thing;
};

// The inserted and refreshed rows of a table, sorted by the bytes of their keys, one after the other; of one key in
// their order.
class InsertedRows {
 public:
  explicit InsertedRows(std::vector<RowValues> rows) : rows_(std::move(rows)) {}
  explicit InsertedRows(std::vector<std::string_view> tuples) : tuples_(std::move(tuples)) {}

  size_t size() const { return rows_.size() + tuples_.size(); }
  bool at_end() const { return taken_ == size(); }
  // Valid until the next call.
  RowValues next();

 private:
  std::vector<RowValues> rows_;
  std::vector<std::string_view> tuples_;
  std::vector<Value> values_;
  size_t taken_ = 0;
};

class TableChanges {
 public:
  // `key`: the places of the key's columns in a tuple of `columns` values.
  TableChanges(size_t columns, std::vector<size_t> key);

  // Takes one more change in. False: the changes cannot be reduced (a patch of a row that was removed, a row that
  // could not be sent whole, a key without its value), this object is of no use any more, and only the original order
  // can tell. Throws Error(protocol) when the tuple is not one of this table.
  bool add(ChangeKind kind, std::string_view tuple);
  // A row of a chunk. False and throws as above.
  bool add_refreshed(std::string_view tuple);

  // There is a row of this key: what came as new is to be put over it. False: it is none of the keys here.
  bool note_present(const std::vector<std::string_view>& key);

  bool is_cleared() const { return is_cleared_; }

  // How many rows there are, and in this state.
  size_t count() const { return fresh_.size() + entries_.size(); }
  size_t count(RowState state) const;

  // The rows of these states, sorted by the bytes of their keys. Valid until the next add.
  std::vector<RowValues> rows(std::initializer_list<RowState> states);
  InsertedRows inserted_rows();  // and the refreshed ones
  // What inserted_rows() does first, ahead of time.
  void sort_inserted();

 private:
  struct Entry {
    RowState state;
    uint64_t hash;
  };
  struct Fresh {
    std::string_view key;
    std::string_view tuple;
  };

  bool read(std::string_view tuple);  // into incoming_; false: without a value of its key
  bool is_incoming_whole() const;
  bool take_in(RowState wanted);
  void settle();
  uint64_t hash_of_key() const;
  bool has_key(size_t entry) const;
  // Where the slots have the key in `incoming_`, or the free slot where it would be.
  size_t slot_of(uint64_t hash) const;
  // The entry of the key in `incoming_`; added, with `incoming_` as its values, when there is none.
  size_t find_or_add(RowState state_if_new, bool& is_new);
  void grow();
  Value* values_of(size_t entry) { return values_.data() + entry * columns_; }
  const Value* values_of(size_t entry) const { return values_.data() + entry * columns_; }

  size_t columns_;
  std::vector<size_t> key_;
  bool is_cleared_ = false;
  std::vector<ByKey<Fresh>> fresh_;  // inserted, while there are no entries; only where the key has one column
  bool is_fresh_sorted_ = true;
  std::vector<Entry> entries_;
  std::vector<Value> values_;    // `columns_` of each entry
  std::vector<uint32_t> slots_;  // open addressing: number of an entry + 1, or 0; a power of two in size
  std::vector<Value> incoming_;
};

}  // namespace tributary
