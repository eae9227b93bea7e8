#include "change/chunk.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

std::string tuple(const std::vector<Value>& values) {
  std::string out;
  write_tuple(out, values);
  return out;
}

Value text(std::string_view value) {
  return {ValueKind::text, value};
}

TEST(Chunk, is_read_as_it_was_written) {
  const std::string after = tuple({text("a")}), up_to = tuple({text("m")}), settled = tuple({text("c")});
  const std::string first = tuple({text("b"), {}}), second = tuple({text("m"), text("body")});
  const std::string body = encode_chunk({after, up_to, false, false, {}, {settled}, {first, second}});
  const ChunkView chunk = parse_chunk(body);
  EXPECT_EQ(chunk.after, after);
  EXPECT_EQ(chunk.up_to, up_to);
  EXPECT_EQ(chunk.settled, std::vector<std::string_view>{settled});
  EXPECT_EQ(chunk.rows, (std::vector<std::string_view>{first, second}));
}

TEST(Chunk, of_a_set_of_keys_has_no_bounds) {
  const std::string first = tuple({text("a")}), second = tuple({text("c")}), row = tuple({text("a"), text("body")});
  const std::string body = encode_chunk({{}, {}, true, true, {first, second}, {}, {row}});
  const ChunkView chunk = parse_chunk(body);
  EXPECT_TRUE(chunk.is_key_set && chunk.may_delete_extra);
  EXPECT_EQ(chunk.keys, (std::vector<std::string_view>{first, second}));
  EXPECT_EQ(chunk.rows, std::vector<std::string_view>{row});
  EXPECT_THROW(parse_chunk("\x05" + body.substr(1)), Error);
}

TEST(Chunk, says_that_extra_rows_stay) {
  ChunkView chunk;
  EXPECT_FALSE(parse_chunk(encode_chunk(chunk)).keeps_extra);
  chunk.keeps_extra = true;
  EXPECT_TRUE(parse_chunk(encode_chunk(chunk)).keeps_extra);
}

TEST(Chunk, of_a_whole_table_has_no_bounds) {
  const std::string body = encode_chunk({});
  const ChunkView chunk = parse_chunk(body);
  EXPECT_FALSE(chunk.after || chunk.up_to);
  EXPECT_TRUE(chunk.settled.empty() && chunk.rows.empty());
}

TEST(Chunk, that_is_cut_or_too_long_or_unknown_is_an_error) {
  const std::string key = tuple({text("a")});
  const std::string body = encode_chunk({key, key, false, false, {}, {key}, {tuple({text("b"), {}})}});
  for (size_t size = 0; size < body.size(); ++size) EXPECT_THROW(parse_chunk(body.substr(0, size)), Error) << size;
  EXPECT_THROW(parse_chunk(body + '\0'), Error);
  EXPECT_THROW(parse_chunk('\x80' + body.substr(1)), Error);
}

TEST(Chunk, of_pages_has_neither_bounds_nor_keys) {
  const std::string row = tuple({text("a"), text("body")});
  ChunkView chunk;
  chunk.pages = Pages{7, 1ULL << 32, true};
  chunk.rows = {row};
  const std::string body = encode_chunk(chunk);
  const ChunkView read = parse_chunk(body);
  ASSERT_TRUE(read.pages);
  EXPECT_EQ(read.pages->begin, 7u);
  EXPECT_EQ(read.pages->end, 1ULL << 32);
  EXPECT_TRUE(read.pages->are_last);
  EXPECT_EQ(read.rows, std::vector<std::string_view>{row});
  for (size_t size = 0; size < body.size(); ++size) EXPECT_THROW(parse_chunk(body.substr(0, size)), Error) << size;
  for (const char form : {'\x31', '\x32', '\x34', '\x20'}) EXPECT_THROW(parse_chunk(form + body.substr(1)), Error);
}

TEST(Chunk, with_a_lying_count_takes_no_memory_for_it) {
  std::string body(1, '\0');
  body += std::string(4, '\xff');
  EXPECT_THROW(parse_chunk(body), Error);
}

TEST(Chunk, a_key_is_the_values_of_its_columns) {
  const std::string row = tuple({text("title"), text("7"), {}, text("north")});
  const auto key = key_of(row, {1, 3});
  ASSERT_TRUE(key);
  const std::vector<Value> values = key_values(*key, 2);
  EXPECT_EQ(values[0].text, "7");
  EXPECT_EQ(values[1].text, "north");
  EXPECT_FALSE(key_of(row, {1, 2})) << "a null";
  EXPECT_FALSE(key_of(row, {9})) << "a column that the row does not have";
  EXPECT_THROW(key_values(*key, 1), Error);
  EXPECT_THROW(key_values(tuple({{}}), 1), Error);
}

}  // namespace
}  // namespace tributary
