#include "refresh/snapshot.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tributary {
namespace {

TEST(Snapshot, sees_what_had_ended) {
  const Snapshot snapshot = Snapshot::parse("100:110:104,100,107");
  for (const uint64_t xid : {3, 99, 101, 103, 106, 109}) EXPECT_TRUE(snapshot.sees(xid)) << xid;
  for (const uint64_t xid : {100, 104, 107, 110, 111}) EXPECT_FALSE(snapshot.sees(xid)) << xid;
}

TEST(Snapshot, with_nothing_in_progress) {
  const Snapshot snapshot = Snapshot::parse("100:100:");
  EXPECT_TRUE(snapshot.sees(99));
  EXPECT_FALSE(snapshot.sees(100));
}

TEST(Snapshot, tells_the_upper_half_of_an_identifier) {
  const uint64_t era = 5ULL << 32;
  Snapshot snapshot;
  snapshot.xmax = era + 10;
  EXPECT_EQ(snapshot.full_xid(9), era + 9);
  EXPECT_EQ(snapshot.full_xid(25), era + 25) << "begun after the snapshot";
  EXPECT_EQ(snapshot.full_xid(0xfffffff0U), era - 16) << "before the counter's turn";
  snapshot.xmax = era - 3;
  EXPECT_EQ(snapshot.full_xid(7), era + 7) << "after the counter's turn";
}

TEST(Snapshot, that_is_none_is_an_error) {
  for (const char* text : {"", "1", "1:2", "a:2:", "1:2:x", "1:2:3,,4"})
    EXPECT_THROW(Snapshot::parse(text), Error) << text;
}

}  // namespace
}  // namespace tributary
