#include "change/relation.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tributary {
namespace {

Relation document() {
  return {"public",
          "document",
          {{"id", 2950, "", -1, true}, {"status", 16999, "slm.status", -1, false}, {"title", 1043, "", 104, false}}};
}

TEST(Relation, GoesThroughBytes) {
  EXPECT_EQ(Relation::decode(document().encode()), document());
  EXPECT_EQ(document().full_name(), "public.document");
}

TEST(Relation, RefusesTruncatedAndSurplusBytes) {
  const std::string bytes = document().encode();
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(Relation::decode(std::string_view(bytes).substr(0, size)), Error) << size;
  EXPECT_THROW(Relation::decode(bytes + "x"), Error);
}

// Queues and parents keep shape ids: an agent of another version must compute the same one.
TEST(Relation, HasAShapeIdThatOtherVersionsComputeAlike) {
  EXPECT_EQ(document().shape_id(), 0xe190aaf2be2c9ee6ULL);
}

TEST(Relation, HasAnotherShapeIdWhenAnythingDiffers) {
  const uint64_t id = document().shape_id();
  const auto differs = [&](auto change) {
    Relation other = document();
    change(other);
    return other.shape_id() != id;
  };
  EXPECT_TRUE(differs([](Relation& r) { r.schema = "slm"; }));
  EXPECT_TRUE(differs([](Relation& r) { r.name = "photo"; }));
  EXPECT_TRUE(differs([](Relation& r) { r.columns.pop_back(); }));
  EXPECT_TRUE(differs([](Relation& r) { std::swap(r.columns[0], r.columns[2]); }));
  EXPECT_TRUE(differs([](Relation& r) { r.columns[0].is_key = false; }));
  EXPECT_TRUE(differs([](Relation& r) { r.columns[1].type_name = "slm.state"; }));
  EXPECT_TRUE(differs([](Relation& r) { r.columns[2].type_modifier = 204; }));
  EXPECT_TRUE(differs([](Relation& r) { r.columns[2].type_oid = 25; }));
  // Names that run together differently are other names.
  EXPECT_TRUE(differs([](Relation& r) { r.schema = "publicd", r.name = "ocument"; }));
}

}  // namespace
}  // namespace tributary
