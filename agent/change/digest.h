// A digest of a refresh: how many rows a key range of one table has, and sums of their hashes, range by range, at the
// place where it stands in the stream. The body of one record of a payload (change/payload.h); the parent compares its
// own rows with it, and asks for what differs (change/want.h).
//
//   digest = u8 form (1: `after` follows, 2: the last range has no end, 4: to verify only, 8: extra rows may go;
//                     16: an inspection, 32: with values; 64: extra rows stay),
//            [after],
//            u32 n, n × key                          keys that the stream has settled: not counted on either side
//            u32 m, m × (u32 rows, u64 a, u64 b, [end])  consecutive ranges (after, end], each with its last key; at
//                                                    least one
//
//   inspection: u8 form, u32 n, n × key               single rows that the child asks after, at most kInspectedMax
//
// a and b are the sums, mod 2^64, of the halves of each row's MD5 (postgres/row_digest.h). Keys and their order are
// those of a chunk (change/chunk.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tributary {

struct RowHash {
  uint64_t a = 0, b = 0;
  // Of 32 hexadecimal digits. Throws Error(protocol).
  static RowHash parse(std::string_view md5);
  friend bool operator==(const RowHash&, const RowHash&) = default;
};

struct RangeSum {
  uint32_t rows = 0;
  uint64_t a = 0, b = 0;
  void add(const RowHash& row) {
    ++rows;
    a += row.a;
    b += row.b;
  }
  friend bool operator==(const RangeSum&, const RangeSum&) = default;
};

// Views into the record's bytes.
struct DigestView {
  struct Range {
    RangeSum sum;
    std::optional<std::string_view> end;  // none: the end of the table; of the last range only
  };
  bool is_to_verify = false;      // report what differs; otherwise the walk goes on behind what is equal
  bool may_delete_extra = false;  // as in a chunk
  std::optional<std::string_view> after;
  std::vector<std::string_view> settled;
  std::vector<Range> ranges;
  // Instead of all that: rows that are not the same on both sides, to be looked at, perhaps with their values.
  bool is_inspection = false;
  bool wants_values = false;
  std::vector<std::string_view> keys = {};
  bool keeps_extra = false;  // as in a chunk
};
constexpr size_t kInspectedMax = 100;

// Throws Error(protocol) on anything malformed.
DigestView parse_digest(std::string_view body);
std::string encode_digest(const DigestView& digest);

}  // namespace tributary
