#include "source/column_bounds.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

std::optional<int64_t> bound(const std::string& definition, const std::string& column = "status") {
  return bytes_bound_of_check(column, definition, 4);
}

TEST(ColumnBounds, AreReadFromComparisonsOfTheLength) {
  EXPECT_EQ(bound("CHECK ((length(status) <= 64))"), 256);
  EXPECT_EQ(bound("CHECK ((char_length((status)::text) < 10))"), 40);
  EXPECT_EQ(bound("CHECK ((octet_length(status) <= 64))"), 64);
  EXPECT_EQ(bound("CHECK (((length(status) >= 1) AND (length(status) <= 36)))"), 144);
  EXPECT_EQ(bound(R"(CHECK ((length("Zu.Stand") = 5)))", "Zu.Stand"), 20);
  EXPECT_EQ(bound("CHECK ((length(VALUE) <= 8))", "VALUE"), 32);
}

TEST(ColumnBounds, AreTheLongestOfTheValuesThatAreAllowed) {
  EXPECT_EQ(bound("CHECK ((status = ANY (ARRAY['draft'::text, 'it''s so'::text])))"), 8);
  EXPECT_EQ(bound("CHECK (((status)::text = ANY ((ARRAY['draft'::character varying, "
                  "'approved'::character varying])::text[])))"),
            8);
}

TEST(ColumnBounds, OfAnythingElseAreNone) {
  for (const char* definition :
       {"CHECK ((length(status) >= 1))", "CHECK (((length(status) <= 10) OR (status ~~ 'x%'::text)))",
        "CHECK ((length(other) <= 64))", "CHECK ((NOT (length(status) <= 64)))", "CHECK ((length(status) <= 64)) NO",
        "CHECK ((length(statusx) <= 64))", "CHECK ((lower(status) = ANY (ARRAY['a'::text])))", "CHECK (true)"})
    EXPECT_EQ(bound(definition), std::nullopt) << definition;
  EXPECT_EQ(bound("CHECK ((length(axb) <= 64))", "a.b"), std::nullopt);
}

}  // namespace
}  // namespace tributary
