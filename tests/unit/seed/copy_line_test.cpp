#include "seed/copy_line.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tributary {
namespace {

TEST(CopyLine, HasItsValuesBetweenTabs) {
  EXPECT_EQ(copy_value("1\ttwo\t\\N\n", 0), "1");
  EXPECT_EQ(copy_value("1\ttwo\t\\N\n", 1), "two");
  EXPECT_EQ(copy_value("1\ttwo\t\\N\n", 2), std::nullopt);
  EXPECT_EQ(copy_value("\t\n", 0), "");
  EXPECT_EQ(copy_value("\t\n", 1), "");
  EXPECT_THROW(copy_value("1\ttwo\n", 2), Error);
}

TEST(CopyLine, UndoesWhatCopyToEscapes) {
  EXPECT_EQ(copy_value("a\\tb\\nc\\rd\\\\e\\bf\\fg\\v\t2\n", 0), "a\tb\nc\rd\\e\bf\fg\v");
  EXPECT_EQ(copy_value("\\\\N\n", 0), "\\N");
  EXPECT_EQ(copy_value("\\\\.\n", 0), "\\.");
  EXPECT_EQ(copy_value("\\\\n\n", 0), "\\n");
}

}  // namespace
}  // namespace tributary
