// How much of what a child says of its tables is kept.
#include "apply/shapes.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

class ShapesTest : public testing::Test {
 protected:
  ShapesTest() { rights.tables = {"public.*"}; }

  // The widest there is; another one for each number.
  static Relation wide(const std::string& schema, int number) {
    Relation relation;
    relation.schema = schema;
    relation.name = "table_" + std::to_string(number);
    for (int i = 0; i < 1600; ++i) relation.columns.push_back({std::string(200, 'c'), 25, "", -1, i == 0});
    return relation;
  }
  void add(Relation relation) {
    const uint64_t id = relation.shape_id();
    shapes.add(id, std::move(relation));
  }
  // How many of 200 are taken.
  int taken(const std::string& schema) {
    for (int number = 0; number < 200; ++number) {
      try {
        add(wide(schema, number));
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::protocol);
        return number;
      }
    }
    return 200;
  }

  ChildRights rights;
  std::set<std::string> unlimited_tables;
  Shapes shapes{rights, unlimited_tables};
};

TEST_F(ShapesTest, AllTogetherAreBounded) {
  const int count = taken("public");
  EXPECT_GT(count, 10);
  EXPECT_LT(count, 100);
}

TEST_F(ShapesTest, OneThatIsKnownTakesNothingMore) {
  for (int time = 0; time < 200; ++time) add(wide("public", 1));
}

TEST_F(ShapesTest, OfATableThatTheChildMayNotWriteOnlyTheNameIsKept) {
  EXPECT_EQ(taken("secret"), 200);
  rights.tables = {"*.*"};
  EXPECT_EQ(taken("pg_catalog"), 200);
}

TEST_F(ShapesTest, AWrongNumberIsRefused) {
  const Relation relation = wide("public", 1);
  EXPECT_THROW(shapes.add(relation.shape_id() + 1, relation), Error);
}

}  // namespace
}  // namespace tributary
