#include "change/chunk.h"

#include <algorithm>

namespace tributary {
namespace {

constexpr uint8_t kHasAfter = 1, kHasUpTo = 2, kIsKeySet = 4, kMayDeleteExtra = 8, kHasPages = 16, kAreLastPages = 32,
                  kKeepsExtra = 64, kForms = 127;

}  // namespace

std::vector<std::string_view> take_tuples(ByteReader& in) {
  const uint32_t count = in.u32();
  std::vector<std::string_view> tuples;
  // A tuple has two bytes at least: a count that lies takes no more memory than the record.
  tuples.reserve(std::min<size_t>(count, in.remaining() / 2));
  for (uint32_t i = 0; i < count; ++i) tuples.push_back(take_tuple(in));
  return tuples;
}

void put_tuples(std::string& out, const std::vector<std::string_view>& tuples) {
  put_u32(out, static_cast<uint32_t>(tuples.size()));
  for (const std::string_view tuple : tuples) out += tuple;
}

ChunkView parse_chunk(std::string_view body) {
  ByteReader in(body);
  ChunkView chunk;
  const uint8_t form = in.u8();
  chunk.is_key_set = form & kIsKeySet;
  chunk.may_delete_extra = form & kMayDeleteExtra;
  const bool has_bounds = form & (kHasAfter | kHasUpTo);
  chunk.keeps_extra = form & kKeepsExtra;
  const bool has_pages = form & kHasPages;
  const int kinds = (has_bounds ? 1 : 0) + (chunk.is_key_set ? 1 : 0) + (has_pages ? 1 : 0);
  if (form > kForms || kinds > 1 || (!has_pages && (form & kAreLastPages)))
    throw Error(ErrorKind::protocol, "a chunk of an unknown form");
  if (form & kHasAfter) chunk.after = take_tuple(in);
  if (form & kHasUpTo) chunk.up_to = take_tuple(in);
  if (chunk.is_key_set) chunk.keys = take_tuples(in);
  if (has_pages) {
    const uint64_t begin = in.u64(), end = in.u64();
    chunk.pages = Pages{begin, end, (form & kAreLastPages) != 0};
  }
  chunk.settled = take_tuples(in);
  chunk.rows = take_tuples(in);
  if (!in.empty()) throw Error(ErrorKind::protocol, "bytes after the end of a chunk");
  return chunk;
}

bool is_key_set(std::string_view body) {
  return !body.empty() && (static_cast<uint8_t>(body.front()) & kIsKeySet) != 0;
}

std::string encode_chunk(const ChunkView& chunk) {
  size_t bytes = 64;
  for (const std::string_view row : chunk.rows) bytes += row.size();
  std::string out;
  out.reserve(bytes);
  put_u8(out, static_cast<uint8_t>(
                  (chunk.after ? kHasAfter : 0) | (chunk.up_to ? kHasUpTo : 0) | (chunk.is_key_set ? kIsKeySet : 0) |
                  (chunk.may_delete_extra ? kMayDeleteExtra : 0) | (chunk.pages ? kHasPages : 0) |
                  (chunk.pages && chunk.pages->are_last ? kAreLastPages : 0) | (chunk.keeps_extra ? kKeepsExtra : 0)));
  if (chunk.after) out += *chunk.after;
  if (chunk.up_to) out += *chunk.up_to;
  if (chunk.is_key_set) put_tuples(out, chunk.keys);
  if (chunk.pages) {
    put_u64(out, chunk.pages->begin);
    put_u64(out, chunk.pages->end);
  }
  put_tuples(out, chunk.settled);
  put_tuples(out, chunk.rows);
  return out;
}

std::optional<std::string> key_of(std::string_view tuple, const std::vector<size_t>& columns) {
  ByteReader in(tuple);
  std::vector<Value> values, key;
  read_tuple(in, values);
  for (const size_t column : columns) {
    if (column >= values.size() || values[column].kind != ValueKind::text) return std::nullopt;
    key.push_back(values[column]);
  }
  std::string bytes;
  write_tuple(bytes, key);
  return bytes;
}

std::vector<Value> key_values(std::string_view key, size_t columns) {
  ByteReader in(key);
  std::vector<Value> values;
  read_tuple(in, values);
  const bool is_key =
      in.empty() && values.size() == columns &&
      std::all_of(values.begin(), values.end(), [](const Value& value) { return value.kind == ValueKind::text; });
  if (!is_key) throw Error(ErrorKind::protocol, "a key that is not one of its table");
  return values;
}

}  // namespace tributary
