#include "change/column_value.h"

#include "base/bytes.h"
#include "base/hash.h"

namespace tributary {
namespace {

enum Oid : uint32_t { kText = 25, kJson = 114, kBpchar = 1042, kVarchar = 1043, kNumeric = 1700 };

std::string without_trailing_zeros(std::string_view number) {
  std::string text(number);
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string without_blanks_at_ends(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\r') continue;
    if (c == '\n') out.erase(out.find_last_not_of(" \t") + 1);
    out += c;
  }
  out.erase(out.find_last_not_of(" \t\n") + 1);
  return out;
}

std::string without_blanks_between(std::string_view json) {
  std::string out;
  bool is_in_string = false, is_escaped = false;
  for (const char c : json) {
    if (!is_in_string && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
    out += c;
    if (c == '"' && !is_escaped) is_in_string = !is_in_string;
    is_escaped = is_in_string && c == '\\' && !is_escaped;
  }
  return out;
}

std::string meaning_of(std::string_view text, uint32_t type_oid) {
  if (type_oid == kNumeric) return without_trailing_zeros(text);
  if (type_oid == kText || type_oid == kVarchar || type_oid == kBpchar) return without_blanks_at_ends(text);
  if (type_oid == kJson) return without_blanks_between(text);
  return std::string(text);
}

}  // namespace

Sameness ColumnValue::compared_with(const std::optional<std::string_view>& own, uint32_t type_oid) const {
  if (!own || kind == Kind::null) return !own && kind == Kind::null ? Sameness::equal : Sameness::different;
  const uint64_t exact_here = kind == Kind::text ? hash_of(text) : exact;
  const uint64_t meaning_here = kind == Kind::text ? hash_of(meaning_of(text, type_oid)) : meaning;
  if (hash_of(*own) == exact_here) return Sameness::equal;
  return hash_of(meaning_of(*own, type_oid)) == meaning_here ? Sameness::spelling : Sameness::different;
}

std::string encode_column_value(const std::optional<std::string_view>& text, uint32_t type_oid, bool as_text) {
  std::string out;
  if (!text) {
    put_u8(out, static_cast<uint8_t>(ColumnValue::Kind::null));
  } else if (as_text) {
    put_u8(out, static_cast<uint8_t>(ColumnValue::Kind::text));
    out += *text;
  } else {
    put_u8(out, static_cast<uint8_t>(ColumnValue::Kind::hashes));
    put_u64(out, hash_of(*text));
    put_u64(out, hash_of(meaning_of(*text, type_oid)));
  }
  return out;
}

ColumnValue decode_column_value(std::string_view bytes) {
  ByteReader in(bytes);
  ColumnValue value;
  const uint8_t kind = in.u8();
  if (kind > static_cast<uint8_t>(ColumnValue::Kind::text))
    throw Error(ErrorKind::protocol, "a value of an unknown kind");
  value.kind = static_cast<ColumnValue::Kind>(kind);
  if (value.kind == ColumnValue::Kind::hashes) {
    value.exact = in.u64();
    value.meaning = in.u64();
  } else if (value.kind == ColumnValue::Kind::text) {
    value.text = in.bytes(in.remaining());
  }
  if (!in.empty()) throw Error(ErrorKind::protocol, "bytes after the end of a value");
  return value;
}

}  // namespace tributary
