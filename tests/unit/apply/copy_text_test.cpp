#include "apply/copy_text.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

std::string copied(std::string_view text) {
  std::string out;
  append_copy_value(out, text);
  return out;
}

// As the manual has it, byte by byte.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char byte : text) switch (byte) {
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += byte;
    }
  return out;
}

TEST(CopyText, EscapesWhatHasAMeaning) {
  EXPECT_EQ(copied(""), "");
  EXPECT_EQ(copied("plain text, long enough for several words"), "plain text, long enough for several words");
  EXPECT_EQ(copied("a\tb\nc\rd\\e"), "a\\tb\\nc\\rd\\\\e");
  EXPECT_EQ(copied("\\N"), "\\\\N");
  EXPECT_EQ(copied("\\."), "\\\\.");
}

TEST(CopyText, FindsEveryByteAtEveryPlace) {
  for (int byte = 1; byte < 256; ++byte)
    for (size_t place = 0; place < 24; ++place)
      for (const char other : {'x', '\x10', '\xff', '\x5b', '\x5d', '\x01'}) {
        std::string text(24, other);
        text[place] = static_cast<char>(byte);
        ASSERT_EQ(copied(text), escaped(text)) << "byte " << byte << " at " << place;
      }
}

TEST(CopyText, ARowIsALine) {
  const Value row[] = {{ValueKind::text, "1"}, {ValueKind::null, {}}, {ValueKind::text, ""}, {ValueKind::text, "a\\b"}};
  std::string out;
  append_copy_row(out, row, 4);
  append_copy_row(out, row, 1);
  EXPECT_EQ(out, "1\t\\N\t\ta\\\\b\n1\n");
}

}  // namespace
}  // namespace tributary
