// The statements that read for a refresh: one each, so that the snapshot that it returns is that of its rows, and so
// that the table's shape is locked before the snapshot is taken. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "change/relation.h"

namespace tributary {

// A table as it is read.
struct ChunkTable {
  uint32_t oid = 0;
  std::string publication;
  std::string from;                    // with its alias: ONLY "public"."document" AS "document"
  bool has_pages = false;              // its rows lie in one file, and may be read by their places there
  std::string filter;                  // in parentheses; empty: every row
  Relation relation;                   // what travels; its key columns in their order are the key
  bool is_utf8 = true;                 // the database's encoding
  std::vector<std::string> key_types;  // of the key's columns, as SQL names them
  std::string description;             // as described_by says; what is read under another one is of no use

  std::vector<size_t> key() const;
  std::vector<size_t> large_columns() const;  // whose values have no fixed size
};

struct ChunkSize {
  size_t rows = 0;
  uint64_t bytes = 0;  // of large columns, as they are stored; the first row is read whatever it has
};

// What the table and its publication are, as one text value: another one means another shape or filter.
std::string described_by(const ChunkTable& table);
// One row: the description, whether it has pages, then the types of the key's columns.
std::string plan_query(const ChunkTable& table);

// One text in JSON: the plan of reading all rows, with the estimate of how many they are.
std::string estimate_query(const ChunkTable& table);

enum class ReadWhat { rows, digests };  // digests: the key's columns, then the row's MD5

// Columns: snapshot, description (both NULL but in one row, which has no others), then what is read. Parameters: the
// key after which it begins, if it does not begin at the beginning.
std::string range_query(const ChunkTable& table, ReadWhat what, bool is_after_key, const ChunkSize& size);
// The same for what lies in the pages [begin, end) of the table's file; whole rows, no parameters.
std::string pages_query(const ChunkTable& table, uint64_t begin, uint64_t end);
// One row: how many pages the file has, and whether values lie outside of it.
std::string file_query(const ChunkTable& table);
// Pages of [begin, end) that have rows, in their order, with the bytes of these rows' large columns as they are stored.
std::string page_sizes_query(const ChunkTable& table, uint64_t begin, uint64_t end);
// The same as range_query for a set of keys, and whole rows. Parameters: an array of texts for each column of the key.
std::string keys_query(const ChunkTable& table);

}  // namespace tributary
