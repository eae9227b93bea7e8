// A table as capture sees it: what pgoutput sends of it, and what of that travels on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "change/payload.h"
#include "change/relation.h"
#include "source/catalogue.h"
#include "source/pgoutput.h"

namespace tributary {

struct CapturedTable {
  uint32_t oid = 0;
  size_t wire_columns = 0;               // columns of pgoutput's tuples
  Relation sent;                         // the shape that travels
  std::vector<uint16_t> sent_columns;    // wire column of each column of `sent`
  std::vector<uint16_t> key_columns;     // wire columns of the primary key
  std::string row_filter;                // empty: none
  std::vector<uint16_t> filter_columns;  // wire columns that row_filter uses
  std::vector<std::string> filter_column_names;
  std::vector<std::string> filter_column_types;  // for casts: "pg_catalog"."text"
  // Columns that old rows must carry and did not when these rows were written, though the table is mended now: its
  // updates and deletes of that time cannot be told. Empty: none.
  std::string identity_lacked;

  bool sends_every_column() const { return sent_columns.size() == wire_columns; }
  bool is_filtered() const { return !row_filter.empty(); }
};

// Puts together what pgoutput announced (which columns its tuples have) and what the catalogue says (the key, the
// filter, what may travel). Throws Error(setup) when the two do not agree: somebody changed the table or publication;
// and when the replica identity lacks a column of the key or of the filter.
CapturedTable captured_table(const RelationMessage& announced, const SourceTable& table);

// What the replica identity of a leaf of `table`, as it was announced, lacked when its rows were written; "": nothing.
std::string identity_lacked_by_leaf(const RelationMessage& announced, const SourceTable& table);

}  // namespace tributary
