#include "flow/known_child.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

const std::string kTable = "public.document";

Position at(const Uuid& stream, uint64_t seq) {
  Position position;
  position.stream = stream;
  position.seq = seq;
  return position;
}

std::shared_ptr<const std::set<std::string>> settled(std::set<std::string> tables) {
  return std::make_shared<const std::set<std::string>>(std::move(tables));
}

TEST(KnownChild, HasAllOfATableThatIsSettledAsFarAsTheStreamWas) {
  const Uuid stream = Uuid::random();
  KnownChild child{{kTable}, at(stream, 7), at(stream, 5), at(stream, 6), settled({kTable})};
  EXPECT_FALSE(child.has_all_of(kTable)) << "what it sent elsewhere is still to come";
  child.applied.seq = 7;
  EXPECT_TRUE(child.has_all_of(kTable));
  child.settled = settled({});
  EXPECT_FALSE(child.has_all_of(kTable));
  child.settled = nullptr;
  EXPECT_FALSE(child.has_all_of(kTable));
  EXPECT_TRUE(child.has_all_of("public.photo")) << "which it does not send";
}

TEST(KnownChild, ThatComesFirstHasAllWhenItsStreamIsReplayed) {
  const Uuid stream = Uuid::random();
  KnownChild child{{kTable}, at(stream, 7), {}, {}, settled({})};
  EXPECT_FALSE(child.has_all_of(kTable));
  child.applied = at(stream, 3);
  child.settled = settled({kTable});
  EXPECT_FALSE(child.has_all_of(kTable)) << "its walk is one of before";
  child.applied = at(stream, 7);
  EXPECT_TRUE(child.has_all_of(kTable));
}

TEST(KnownChild, ThatComesBackHasAllWhenItsNextStreamIsWalked) {
  const Uuid of_then = Uuid::random(), of_elsewhere = Uuid::random();
  KnownChild child{{kTable}, at(of_elsewhere, 7), at(of_then, 900), at(of_then, 900), settled({kTable})};
  EXPECT_FALSE(child.has_all_of(kTable)) << "rows of its last stay";
  child.applied = at(Uuid::random(), 0);
  child.settled = settled({});
  EXPECT_FALSE(child.has_all_of(kTable));
  child.settled = settled({kTable});
  EXPECT_TRUE(child.has_all_of(kTable));
}

TEST(KnownChild, ThatDoesNotSayHowFarItsStreamIsHasNotAll) {
  const Uuid stream = Uuid::random();
  const KnownChild child{{kTable}, {}, at(stream, 7), at(stream, 9), settled({kTable})};
  EXPECT_FALSE(child.has_all_of(kTable));
}

}  // namespace
}  // namespace tributary
