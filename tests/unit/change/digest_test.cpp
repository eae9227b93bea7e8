#include "change/digest.h"

#include <gtest/gtest.h>

#include "change/chunk.h"

namespace tributary {
namespace {

std::string key(std::string_view text) {
  std::string out;
  write_tuple(out, {{ValueKind::text, text}});
  return out;
}

TEST(Digest, is_read_as_it_was_written) {
  const std::string after = key("a"), middle = key("m"), settled = key("c");
  const std::string body = encode_digest({true, false, after, {settled}, {{{3, 4, 5}, middle}, {{0, 0, 0}, {}}}});
  const DigestView digest = parse_digest(body);
  EXPECT_TRUE(digest.is_to_verify);
  EXPECT_FALSE(digest.may_delete_extra || digest.keeps_extra);
  EXPECT_EQ(digest.after, after);
  EXPECT_EQ(digest.settled, std::vector<std::string_view>{settled});
  ASSERT_EQ(digest.ranges.size(), 2u);
  EXPECT_EQ(digest.ranges[0].sum, (RangeSum{3, 4, 5}));
  EXPECT_EQ(digest.ranges[0].end, middle);
  EXPECT_FALSE(digest.ranges[1].end);
}

TEST(Digest, that_is_cut_or_too_long_or_unknown_is_an_error) {
  const std::string body = encode_digest({false, true, key("a"), {key("b")}, {{{1, 2, 3}, key("c")}, {{}, key("d")}}});
  for (size_t size = 0; size < body.size(); ++size) EXPECT_THROW(parse_digest(body.substr(0, size)), Error) << size;
  EXPECT_THROW(parse_digest(body + '\0'), Error);
  EXPECT_THROW(parse_digest("\x40" + body.substr(1)), Error);
}

TEST(Digest, may_ask_for_single_rows_instead) {
  const std::string a = key("a"), b = key("b");
  DigestView question;
  question.is_inspection = question.wants_values = true;
  question.keys = {a, b};
  const std::string body = encode_digest(question);
  const DigestView digest = parse_digest(body);
  EXPECT_TRUE(digest.is_inspection && digest.wants_values);
  EXPECT_FALSE(digest.is_to_verify);
  EXPECT_EQ(digest.keys, question.keys);
  for (size_t size = 0; size < body.size(); ++size) EXPECT_THROW(parse_digest(body.substr(0, size)), Error) << size;
  EXPECT_THROW(parse_digest(body + '\0'), Error);
  question.keys.assign(kInspectedMax + 1, a);
  EXPECT_THROW(parse_digest(encode_digest(question)), Error);
}

TEST(Digest, says_that_extra_rows_stay) {
  DigestView digest;
  digest.may_delete_extra = digest.keeps_extra = true;
  digest.ranges.emplace_back();
  const std::string body = encode_digest(digest);
  EXPECT_TRUE(parse_digest(body).keeps_extra && parse_digest(body).may_delete_extra);
}

TEST(Digest, of_no_range_is_an_error) {
  EXPECT_THROW(parse_digest(std::string("\0\0\0\0\0\0\0\0\0", 9)), Error);
}

TEST(RowHash, is_the_two_halves_of_an_md5) {
  EXPECT_EQ(RowHash::parse("0000000000000001ffffffffffffffff"), (RowHash{1, ~0ULL}));
  EXPECT_THROW(RowHash::parse("0000000000000001fffffffffffffffg"), Error);
  EXPECT_THROW(RowHash::parse("00"), Error);
}

TEST(RangeSum, counts_and_adds_without_an_order) {
  RangeSum one, other;
  one.add({1, ~0ULL});
  one.add({2, 3});
  other.add({2, 3});
  other.add({1, ~0ULL});
  EXPECT_EQ(one, other);
  EXPECT_EQ(one, (RangeSum{2, 3, 2}));
}

}  // namespace
}  // namespace tributary
