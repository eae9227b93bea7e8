#include "refresh/placing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "change/chunk.h"

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::string tuple(const std::vector<std::string>& texts) {
  std::vector<Value> values;
  for (const std::string& text : texts)
    values.push_back(text == "=" ? Value{ValueKind::unchanged, {}} : Value{ValueKind::text, text});
  std::string out;
  write_tuple(out, values);
  return out;
}

ReadChunk::Row row(const std::string& id, const std::string& title, const std::string& body) {
  return {tuple({id}), tuple({id, title, body}), {}};
}

// "id title body", one for each row, and the settled keys.
struct Placed {
  std::vector<std::string> rows, settled;
};
Placed place(const ReadChunk& chunk, const Window& window) {
  const std::string body = placed_chunk(chunk, window);
  const ChunkView view = parse_chunk(body);
  EXPECT_EQ(view.after, chunk.after);
  EXPECT_EQ(view.up_to, chunk.up_to);
  Placed placed;
  const auto words = [](std::string_view bytes) {
    ByteReader in(bytes);
    std::vector<Value> values;
    read_tuple(in, values);
    std::string text;
    for (const Value& value : values) text += (text.empty() ? "" : " ") + std::string(value.text);
    return text;
  };
  for (const std::string_view bytes : view.rows) placed.rows.push_back(words(bytes));
  for (const std::string_view bytes : view.settled) placed.settled.push_back(words(bytes));
  return placed;
}

class PlacingTest : public testing::Test {
 protected:
  PlacingTest() {
    chunk.after = tuple({"a"});
    chunk.up_to = tuple({"d"});
    chunk.rows = {row("b", "t", "body"), row("d", "t", "body")};
  }
  ReadChunk chunk;
};

TEST_F(PlacingTest, what_nobody_changed_is_as_it_was_read) {
  EXPECT_THAT(place(chunk, {}).rows, ElementsAre("b t body", "d t body"));
}

TEST_F(PlacingTest, what_the_stream_has_settled_is_left_to_it) {
  const Placed placed = place(chunk, {{tuple({"b"}), {}}, {tuple({"c"}), {}}});
  EXPECT_THAT(placed.rows, ElementsAre("d t body"));
  EXPECT_THAT(placed.settled, UnorderedElementsAre("b", "c"));
}

TEST_F(PlacingTest, single_columns_come_over_the_row_that_was_read) {
  const Placed placed = place(chunk, {{tuple({"b"}), {WindowKey::Last::part, tuple({"b", "new", "="})}},
                                      {tuple({"x"}), {WindowKey::Last::part, tuple({"x", "new", "="})}}});
  EXPECT_THAT(placed.rows, ElementsAre("b new body", "d t body"));
  EXPECT_THAT(placed.settled, ElementsAre());
}

TEST_F(PlacingTest, a_whole_row_with_single_columns_comes_in_place_of_the_one_that_was_read) {
  const Placed placed = place(chunk, {{tuple({"d"}), {WindowKey::Last::whole, tuple({"d", "new", "new"})}}});
  EXPECT_THAT(placed.rows, ElementsAre("b t body", "d new new"));
}

class PlacedDigestTest : public testing::Test {
 protected:
  void read(size_t rows, bool is_last) {
    for (size_t i = 0; i < rows; ++i) chunk.rows.push_back({key(i), {}, {i + 1, 2 * i}});
    if (!is_last) chunk.up_to = chunk.rows.back().key;
  }
  static std::string key(size_t i) { return tuple({"k" + std::to_string(i)}); }
  ReadChunk chunk;
};

TEST_F(PlacedDigestTest, every_range_ends_with_a_row) {
  read(kRangeRows + 1, false);
  const auto placed = placed_digest(chunk, {}, {true, false});
  const DigestView digest = parse_digest(placed->body);
  EXPECT_TRUE(digest.is_to_verify);
  ASSERT_EQ(digest.ranges.size(), 2u);
  EXPECT_EQ(digest.ranges[0].end, key(kRangeRows - 1));
  EXPECT_EQ(digest.ranges[0].sum.rows, kRangeRows);
  EXPECT_EQ(digest.ranges[1].end, key(kRangeRows));
  EXPECT_EQ(digest.ranges[1].sum, (RangeSum{1, kRangeRows + 1, 2 * kRangeRows}));
  EXPECT_EQ(placed->up_to, key(kRangeRows));
  EXPECT_EQ(placed->ends, (std::vector<size_t>{kRangeRows, kRangeRows + 1}));
}

TEST_F(PlacedDigestTest, the_last_range_of_a_table_is_open) {
  read(kRangeRows, true);
  auto placed = placed_digest(chunk, {}, {});
  EXPECT_FALSE(parse_digest(placed->body).ranges.back().end);
  EXPECT_EQ(placed->ends.size(), 1u);
  chunk.rows.clear();
  placed = placed_digest(chunk, {}, {});
  EXPECT_EQ(parse_digest(placed->body).ranges.size(), 1u) << "an empty table has one";
  EXPECT_FALSE(placed->up_to);
}

TEST_F(PlacedDigestTest, what_the_stream_has_settled_is_not_counted_and_no_bound) {
  read(4, false);
  const auto placed = placed_digest(chunk, {{key(1), {}}, {key(3), {}}, {key(9), {}}}, {});
  const DigestView digest = parse_digest(placed->body);
  EXPECT_EQ(digest.ranges[0].sum, (RangeSum{2, 1 + 3, 0 + 4}));
  EXPECT_EQ(placed->up_to, key(2));
  EXPECT_EQ(digest.settled.size(), 3u);
  EXPECT_FALSE(placed_digest(chunk, {{key(0), {}}, {key(1), {}}, {key(2), {}}, {key(3), {}}}, {}))
      << "nobody knows where it ends";
}

// The parent left the columns out: its row is an older one, as the snapshot's is.
TEST_F(PlacedDigestTest, a_range_with_single_columns_of_a_row_is_not_equal_to_the_parents) {
  read(3 * kRangeRows, true);
  const Window window{{key(kRangeRows), {WindowKey::Last::part, "columns"}},
                      {key(3 * kRangeRows - 1), {WindowKey::Last::part, "columns"}}};
  const auto sums = [&](DigestForm form) {
    std::vector<uint64_t> found;
    const auto placed = placed_digest(chunk, window, form);
    for (const auto& range : parse_digest(placed->body).ranges) found.push_back(range.sum.a);
    return found;
  };
  const auto to_verify = sums({true, false}), to_walk = sums({});
  ASSERT_EQ(to_walk.size(), 3u);
  EXPECT_EQ(to_walk[0], to_verify[0]);
  EXPECT_NE(to_walk[1], to_verify[1]);
  EXPECT_NE(to_walk[2], to_verify[2]) << "behind its last row";
}

TEST_F(PlacedDigestTest, a_row_that_the_snapshot_does_not_show_and_the_parent_may_have_in_part_is_waited_for) {
  read(3, true);
  const Window window{{key(7), {WindowKey::Last::whole, "row"}}};
  EXPECT_FALSE(placed_digest(chunk, window, {}));
  EXPECT_TRUE(placed_digest(chunk, window, {true, false}));
}

}  // namespace
}  // namespace tributary
