#include "change/compression.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tributary {
namespace {

const std::string kText = [] {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "row " + std::to_string(i * 7919 % 1000) + ";";
  return text;
}();

void expect_damaged(std::string_view frame, uint64_t raw_bytes) {
  try {
    decompress(frame, raw_bytes);
    ADD_FAILURE() << "a damaged frame was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::protocol);
  }
}

TEST(Compression, GivesBackWhatItWasGiven) {
  const std::string frame = compress(kText);
  EXPECT_LT(frame.size(), kText.size() / 2);
  EXPECT_EQ(decompress(frame, kText.size()), kText);
  EXPECT_EQ(decompress(compress(""), 0), "");
}

TEST(Compression, NoticesEveryFlippedByte) {
  const std::string frame = compress(kText);
  for (size_t i = 0; i < frame.size(); ++i) {
    std::string damaged = frame;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    try {
      EXPECT_EQ(decompress(damaged, kText.size()), kText) << "byte " << i;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::protocol);
    }
  }
}

TEST(Compression, NoticesMissingAndSurplusBytes) {
  const std::string frame = compress(kText);
  for (size_t size = 0; size < frame.size(); ++size)
    expect_damaged(std::string_view(frame).substr(0, size), kText.size());
  expect_damaged(frame + "x", kText.size());
}

// The size is known before memory is taken for it: a batch cannot make its reader allocate more than it announced.
TEST(Compression, RefusesAnotherSizeThanAnnounced) {
  const std::string frame = compress(kText);
  expect_damaged(frame, kText.size() - 1);
  expect_damaged(frame, kText.size() + 1);
  expect_damaged(frame, 0);
}

}  // namespace
}  // namespace tributary
