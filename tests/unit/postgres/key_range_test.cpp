#include "postgres/key_range.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(KeyRange, numbers_have_one_order_everywhere) {
  const KeyOrder order{{{"t.id", 20, "bigint"}}};
  EXPECT_EQ(order.order(), "t.id");
  EXPECT_EQ(order.is_after({"$1"}), "(t.id) > ($1::text::bigint)");
}

TEST(KeyRange, a_bound_is_of_the_type_here) {
  const KeyOrder order{{{"t.id", 700, "double precision"}}};
  EXPECT_EQ(order.is_after({"$1"}), "(t.id) > ($1::text::double precision)");
}

TEST(KeyRange, text_is_compared_by_its_bytes) {
  const KeyOrder order{{{"t.name", 25, "text"}}};
  EXPECT_EQ(order.order(), "t.name COLLATE \"C\"");
  EXPECT_EQ(order.is_up_to({"$1"}), "(t.name COLLATE \"C\") <= ($1::text COLLATE \"C\")");
}

TEST(KeyRange, text_of_another_encoding_is_compared_as_utf8) {
  const KeyOrder order{{{"t.name", 1043, "varchar"}}, false};
  EXPECT_EQ(order.order(), "convert_to(t.name, 'UTF8')");
  EXPECT_EQ(order.is_after({"$1"}), "(convert_to(t.name, 'UTF8')) > (convert_to($1::text, 'UTF8'))");
}

TEST(KeyRange, padding_is_no_part_of_a_key) {
  const KeyOrder order{{{"t.code", 1042, "char(9)"}}};
  EXPECT_EQ(order.is_after({"$1"}),
            "(t.code::pg_catalog.bpchar::text COLLATE \"C\") > ($1::pg_catalog.bpchar::text COLLATE \"C\")");
}

TEST(KeyRange, other_types_are_compared_as_text) {
  const KeyOrder order{{{"t.state", 16400, "public.state"}}};
  EXPECT_EQ(order.order(), "format('%s', t.state) COLLATE \"C\"");
  EXPECT_EQ(order.is_after({"$3"}), "(format('%s', t.state) COLLATE \"C\") > ($3::text COLLATE \"C\")");
}

TEST(KeyRange, keys_of_several_columns_are_compared_as_rows) {
  const KeyOrder order{{{"t.district", 25, "text"}, {"t.id", 2950, "uuid"}}};
  EXPECT_EQ(order.order(), "t.district COLLATE \"C\", t.id");
  EXPECT_EQ(order.is_after({"$1", "$2"}),
            "(t.district COLLATE \"C\", t.id) > ($1::text COLLATE \"C\", $2::text::uuid)");
}

}  // namespace
}  // namespace tributary
