// What a parent says of one value of a row that its child asks after (change/want.h): the text, where a person wants to
// see it, otherwise only what tells it from the child's own.
//
//   value = u8 kind (0: NULL, 1: hashes, 2: text)
//           1: u64 of the text, u64 of the text without what is only spelling     base/hash.h
//           2: the text
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tributary {

enum class Sameness {
  equal,
  spelling,  // other texts of one value, or nearly: 1.0 and 1.00, other line ends, blanks at the end, blanks in JSON
  different
};

struct ColumnValue {
  enum class Kind : uint8_t { null = 0, hashes = 1, text = 2 };
  Kind kind = Kind::null;
  uint64_t exact = 0, meaning = 0;
  std::string text;

  // Beside a value of this node's own. `type_oid`: the child's.
  Sameness compared_with(const std::optional<std::string_view>& own, uint32_t type_oid) const;
};

std::string encode_column_value(const std::optional<std::string_view>& text, uint32_t type_oid, bool as_text);
// Throws Error(protocol) on anything malformed.
ColumnValue decode_column_value(std::string_view bytes);

}  // namespace tributary
