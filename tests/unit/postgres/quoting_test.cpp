#include <gtest/gtest.h>

#include "postgres/connection.h"

namespace tributary {
namespace {

TEST(QuoteName, AlwaysQuotesAndDoublesQuotes) {
  EXPECT_EQ(quote_name("document"), "\"document\"");
  EXPECT_EQ(quote_name("Straße 7"), "\"Straße 7\"");
  EXPECT_EQ(quote_name("a\"b\"\""), "\"a\"\"b\"\"\"\"\"");
  EXPECT_EQ(quote_name(""), "\"\"");
  EXPECT_EQ(quote_name("sales.eu", "order; DROP TABLE x"), "\"sales.eu\".\"order; DROP TABLE x\"");
}

TEST(QuoteLiteral, DoublesQuotes) {
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal(""), "''");
  EXPECT_EQ(quote_literal("'; DROP TABLE x; --"), "'''; DROP TABLE x; --'");
}

TEST(QuoteLiteral, WithABackslashMeansTheSameWhateverTheServersSetting) {
  EXPECT_EQ(quote_literal("a\\'b"), " E'a\\\\''b'");
  EXPECT_EQ(quote_literal("\\"), " E'\\\\'");
}

}  // namespace
}  // namespace tributary
