#include "base/uuid.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"

namespace tributary {
namespace {

TEST(Uuid, IsRandomOfVersionFour) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string text = Uuid::random().to_string();
    EXPECT_EQ(text[14], '4');
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos) << text;
    EXPECT_TRUE(seen.insert(text).second);
  }
}

TEST(Uuid, GoesThroughTextAndBytes) {
  const std::string text = "0123abcd-4567-89ef-fedc-ba9876543210";
  const Uuid uuid = Uuid::parse(text);
  EXPECT_EQ(uuid.to_string(), text);
  EXPECT_EQ(Uuid::parse("0123ABCD-4567-89EF-FEDC-BA9876543210"), uuid);
  EXPECT_EQ(uuid.to_bytes().size(), 16u);
  EXPECT_EQ(Uuid::from_bytes(uuid.to_bytes()), uuid);
}

TEST(Uuid, IsNilUntilMade) {
  EXPECT_TRUE(Uuid{}.is_nil());
  EXPECT_FALSE(Uuid::random().is_nil());
}

TEST(Uuid, RefusesWhatIsNotOne) {
  for (const char* text :
       {"", "0123abcd", "0123abcd-4567-89ef-fedc-ba987654321", "0123abcd-4567-89ef-fedc-ba98765432100",
        "0123abcd-4567-89ef-fedc-ba987654321g", "0123abcd_4567_89ef_fedc_ba9876543210"})
    EXPECT_THROW(Uuid::parse(text), Error) << text;
  EXPECT_THROW(Uuid::from_bytes(""), Error);
  EXPECT_THROW(Uuid::from_bytes(std::string(17, 'x')), Error);
}

}  // namespace
}  // namespace tributary
