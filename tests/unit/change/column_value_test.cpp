#include "change/column_value.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tributary {
namespace {

constexpr uint32_t kInt4 = 23, kText = 25, kJson = 114, kNumeric = 1700;

Sameness compare(std::optional<std::string_view> own, std::optional<std::string_view> theirs, uint32_t type,
                 bool as_text = false) {
  return decode_column_value(encode_column_value(theirs, type, as_text)).compared_with(own, type);
}

TEST(ColumnValue, tells_values_apart_with_and_without_the_text) {
  for (const bool as_text : {false, true}) {
    EXPECT_EQ(compare("7", "7", kInt4, as_text), Sameness::equal);
    EXPECT_EQ(compare("7", "8", kInt4, as_text), Sameness::different);
    EXPECT_EQ(compare(std::nullopt, std::nullopt, kInt4, as_text), Sameness::equal);
    EXPECT_EQ(compare(std::nullopt, "", kText, as_text), Sameness::different);
    EXPECT_EQ(compare("", std::nullopt, kText, as_text), Sameness::different);
    EXPECT_EQ(compare("", "", kText, as_text), Sameness::equal);
  }
}

TEST(ColumnValue, knows_other_spellings_of_a_value) {
  for (const bool as_text : {false, true}) {
    EXPECT_EQ(compare("1.0", "1.00", kNumeric, as_text), Sameness::spelling);
    EXPECT_EQ(compare("1", "1.000", kNumeric, as_text), Sameness::spelling);
    EXPECT_EQ(compare("100", "1", kNumeric, as_text), Sameness::different);
    EXPECT_EQ(compare("a\r\nb ", "a\nb", kText, as_text), Sameness::spelling);
    EXPECT_EQ(compare("a b", "ab", kText, as_text), Sameness::different);
    EXPECT_EQ(compare("{\"a\": 1}", "{\"a\":1}", kJson, as_text), Sameness::spelling);
    EXPECT_EQ(compare("{\"a \\\" b\": 1}", "{\"a \\\"b\":1}", kJson, as_text), Sameness::different);
    EXPECT_EQ(compare("1.0", "1.00", kText, as_text), Sameness::different) << "a text is no number";
  }
}

TEST(ColumnValue, the_text_travels_only_when_it_is_wanted) {
  EXPECT_EQ(encode_column_value("secret", kText, false).find("secret"), std::string::npos);
  EXPECT_EQ(decode_column_value(encode_column_value("secret", kText, true)).text, "secret");
}

TEST(ColumnValue, refuses_what_is_malformed) {
  const std::string hashes = encode_column_value("x", kText, false);
  for (size_t length = 0; length < hashes.size(); ++length)
    EXPECT_THROW(decode_column_value(hashes.substr(0, length)), Error) << length;
  EXPECT_THROW(decode_column_value(hashes + "x"), Error);
  EXPECT_THROW(decode_column_value("\x03"), Error);
  EXPECT_THROW(decode_column_value(std::string("\0x", 2)), Error);
}

}  // namespace
}  // namespace tributary
