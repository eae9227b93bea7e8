#include "change/position.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tributary {
namespace {

const Uuid kStream = Uuid::parse("0123abcd-4567-89ef-fedc-ba9876543210");

TEST(Lsn, GoesThroughText) {
  EXPECT_EQ(Lsn::parse("16/B374D848").value, 0x16B374D848u);
  EXPECT_EQ(Lsn{0x16B374D848}.to_string(), "16/B374D848");
  EXPECT_EQ(Lsn{}.to_string(), "0/0");
  EXPECT_EQ(Lsn::parse("FFFFFFFF/FFFFFFFF").value, ~0ULL);
}

TEST(Lsn, IsOrderedAsANumber) {
  EXPECT_LT(Lsn::parse("9/FFFFFFFF"), Lsn::parse("10/0"));
}

TEST(Lsn, RefusesWhatIsNotOne) {
  for (const char* text : {"", "16", "16/", "/16", "16/B374D848 ", "16/G", "1/2/3", "123456789/0"})
    EXPECT_THROW(Lsn::parse(text), Error) << text;
}

TEST(Position, CountsTransactionsDensely) {
  const Commit commit{7, {0x100}, 5};
  const Position start{kStream, 0, {}, 0};
  const Position next = advance(start, commit);
  EXPECT_EQ(next.stream, kStream);
  EXPECT_EQ(next.seq, 1u);
  EXPECT_EQ(next.end_lsn, commit.end_lsn);
  EXPECT_NE(next.chain, start.chain);
  EXPECT_EQ(advance(next, {8, {0x200}, 6}).seq, 2u);
}

// The chain is stored at the parent and compared by other versions of the agent: it must never change.
TEST(Position, HasAChainThatOtherVersionsComputeAlike) {
  const Position start{kStream, 0, {}, 0};
  EXPECT_EQ(advance(start, {7, {0x100}, 5}).chain, 0xca18e9d3c45332dcULL);
  EXPECT_EQ(advance(advance(start, {7, {0x100}, 5}), {8, {0x200}, 6}).chain, 0x9ad3d1eeaa77a2b2ULL);
}

TEST(Position, TellsHistoriesApartThatShareASequenceNumber) {
  const Position start{kStream, 0, {}, 0};
  const Commit commit{7, {0x100}, 5};
  const uint64_t chain = advance(start, commit).chain;
  EXPECT_NE(advance(start, {8, {0x100}, 5}).chain, chain);
  EXPECT_NE(advance(start, {7, {0x101}, 5}).chain, chain);
  EXPECT_NE(advance(start, {7, {0x100}, 6}).chain, chain);
  // The order of transactions counts, and so does everything before the last one.
  const Commit other{8, {0x200}, 6};
  EXPECT_NE(advance(advance(start, commit), other).chain, advance(advance(start, other), commit).chain);
  EXPECT_NE(advance(advance(start, commit), other).chain, advance(start, other).chain);
}

TEST(Position, IsShortForPeople) {
  EXPECT_EQ(Position{}.to_string(), "none");
  EXPECT_EQ((Position{kStream, 12, {0x16B374D848}, 99}).to_string(), "0123abcd/12@16/B374D848");
}

}  // namespace
}  // namespace tributary
