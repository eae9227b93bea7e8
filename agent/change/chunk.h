// A chunk of a refresh: what rows of one table are, at the place where it stands in the stream. The body of one record
// of a payload (change/payload.h).
//
//   chunk = u8 form (1: `after` follows, 2: `up_to` follows, 4: a set of keys instead of a range, 8: extra rows may
//   go, 16: pages instead of a range, 32: they are the table's last ones, 64: extra rows stay),
//           [after], [up_to],
//           [u32 k, k × key]    the set
//           [u64 begin, u64 end]  the pages
//           u32 n, n × key      keys that the stream has settled: they are left as they are
//           u32 m, m × tuple    whole rows
//   key   = a tuple of the key's columns alone, in the relation's order (text, never null)
//
// The range is (after, up_to]; a bound that is missing is the end on that side. Keys of the range, or of the set, that
// are in neither list have no row at the child. The order of keys is postgres/key_range.h's. A chunk of pages holds
// what lies in [begin, end) of the child's table file, and says nothing of other keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "change/payload.h"

namespace tributary {

// Of a table's file at the child.
struct Pages {
  uint64_t begin = 0, end = 0;
  bool are_last = false;
};

// Views into the record's bytes.
struct ChunkView {
  std::optional<std::string_view> after;
  std::optional<std::string_view> up_to;
  bool is_key_set = false;
  bool may_delete_extra = false;       // a person said so: however many they are
  std::vector<std::string_view> keys;  // of the set
  std::vector<std::string_view> settled;
  std::vector<std::string_view> rows;
  bool keeps_extra = false;  // the child has not all yet that its own children send
  std::optional<Pages> pages = {};
};

// Throws Error(protocol) on anything malformed.
ChunkView parse_chunk(std::string_view body);
bool is_key_set(std::string_view body);  // without a look at the rest
std::string encode_chunk(const ChunkView& chunk);

// The key of a row: `columns` are the places of the key's columns in the tuple. nullopt: one of them has no value.
std::optional<std::string> key_of(std::string_view tuple, const std::vector<size_t>& columns);
// The values of a key; views into its bytes. Throws Error(protocol) when it has not `columns` text values.
std::vector<Value> key_values(std::string_view key, size_t columns);

// Lists of tuples as chunks and digests have them: u32 count, then the tuples.
std::vector<std::string_view> take_tuples(ByteReader& in);
void put_tuples(std::string& out, const std::vector<std::string_view>& tuples);

}  // namespace tributary
