#include "change/want.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(Want, IsSplitIntoPiecesInItsOrder) {
  Want want;
  want.at.seq = 9;
  for (int i = 0; i < 10; ++i) {
    TableState state;
    state.table = "table " + std::to_string(i);
    want.tables.push_back(state);
    want.keys.push_back({"table", std::string(100, static_cast<char>('a' + i))});
  }
  want.comparisons.resize(2);
  const std::vector<Want> pieces = Want::split(want, 400);
  EXPECT_GT(pieces.size(), 4u);
  Want joined;
  for (const Want& piece : pieces) {
    EXPECT_EQ(piece.at, want.at);
    EXPECT_FALSE(piece.is_empty());
    joined.tables.insert(joined.tables.end(), piece.tables.begin(), piece.tables.end());
    joined.keys.insert(joined.keys.end(), piece.keys.begin(), piece.keys.end());
    joined.comparisons.insert(joined.comparisons.end(), piece.comparisons.begin(), piece.comparisons.end());
  }
  EXPECT_EQ(joined.tables, want.tables);
  EXPECT_EQ(joined.keys, want.keys);
  EXPECT_EQ(joined.comparisons, want.comparisons);
}

TEST(Want, NothingIsOnePiece) {
  EXPECT_EQ(Want::split({}, 400).size(), 1u);
}

}  // namespace
}  // namespace tributary
