// What a parent tells a child about the child's data here beside the applied position: how far its tables are
// refreshed, which keys and tables are stale, and what a digest that was to be verified showed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "change/digest.h"
#include "change/position.h"

namespace tributary {

// A table of a child at its parent, as of an applied position.
struct TableState {
  std::string table;         // "schema.table"
  bool is_complete = false;  // every row has been refreshed in this stream; otherwise those up to `walked_to`
  std::string walked_to;     // a key (change/chunk.h); empty: nothing has been refreshed yet
  bool wants_rows = false;   // digests are of no use behind it: there is nothing, or nobody knows whose rows are there
  uint64_t kept = 0;         // rows that the child does not have, and that only a person may have deleted
  std::string reason, hint;  // not empty: the parent cannot write the table; its changes are skipped until it can
  uint64_t rows = 0;         // refreshed so far
  // Nothing was here when the walk began, so rows are wanted as they lie in the child's file, from this page on; then
  // the walk begins.
  std::optional<uint64_t> next_page = {};
  bool is_loaded = false;  // that has been done: the walk only compares
  // Rows may be there that this node does not have: it is to walk the table again when it has all that its own children
  // send.
  bool to_be_compared = false;
  friend bool operator==(const TableState&, const TableState&) = default;
};

struct StaleKey {
  std::string table;
  std::string key;  // change/chunk.h
  friend bool operator==(const StaleKey&, const StaleKey&) = default;
};

// The answer to a digest that was to be verified.
struct Comparison {
  std::string table;
  uint64_t seq = 0;     // of the digest's transaction
  std::string refusal;  // not empty: why nothing could be compared
  struct Row {
    std::string key;
    RowHash hash;
    friend bool operator==(const Row&, const Row&) = default;
  };
  // Consecutive ranges of the digest whose rows are not the parent's, and the parent's own rows in them, without those
  // that the stream has settled.
  struct Difference {
    uint32_t first = 0, last = 0;  // places in the digest
    std::vector<Row> rows;
    bool is_cut = false;  // so many rows differ that these are not named: nothing is known of the ranges but that
    friend bool operator==(const Difference&, const Difference&) = default;
  };
  std::vector<Difference> differences;
  // The answer to an inspection: of the rows asked after those that are here, or of which something is to be said.
  struct InspectedRow {
    std::string key;
    bool is_here = false;
    bool is_foreign = false;        // not a row that the child owns
    std::string stale_reason = {};  // empty: it is not stale
    int64_t written_at = 0;         // when this version was committed, Unix time in milliseconds; 0: not known
    std::vector<std::string> values =
        {};  // change/column_value.h, in wire order; none of a foreign row, or of a large one
    friend bool operator==(const InspectedRow&, const InspectedRow&) = default;
  };
  std::vector<InspectedRow> inspected = {};
  std::vector<std::string> triggers = {};  // that fire here on what the child's changes write
  friend bool operator==(const Comparison&, const Comparison&) = default;
};

struct Want {
  Position at;                     // the applied position of which all this is true
  std::vector<TableState> tables;  // at the beginning of a session all that were ever walked, then those that changed
  std::vector<StaleKey> keys;      // that became stale; at the beginning of a session all
  std::vector<Comparison> comparisons;
  bool answers_inspections = false;  // at the beginning of a session: a digest may be one
  // Consecutive pieces of about `bytes_max` at most, unless one thing alone is larger; at least one.
  static std::vector<Want> split(Want want, size_t bytes_max);
  bool is_empty() const { return tables.empty() && keys.empty() && comparisons.empty(); }
};

}  // namespace tributary
