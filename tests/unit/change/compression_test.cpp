#include "change/compression.h"

#include <gtest/gtest.h>

#include <vector>

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

TEST(Compression, OfAnySizeAfterAnyOther) {
  std::string long_text;
  while (long_text.size() < (5U << 20)) long_text += kText;
  for (const std::string_view raw : {std::string_view(kText), std::string_view(long_text), std::string_view("a"),
                                     std::string_view(long_text).substr(0, 1 << 20), std::string_view(kText)})
    EXPECT_TRUE(decompress(compress(raw), raw.size()) == raw) << raw.size() << " bytes";
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

TEST(Compression, APlainPayloadComesBackAsItIs) {
  EXPECT_FALSE(is_compressed("C plain"));
  EXPECT_TRUE(is_compressed(compress("C plain")));
  EXPECT_EQ(decompress("C plain", 7), "C plain");
  expect_damaged("C plain", 8);
  expect_damaged("", 0);
}

class PackingTest : public testing::Test {
 protected:
  static std::string row(int number) {
    std::string text = "I public document approved ";
    for (int i = 0; i < 20; ++i) text += std::to_string(number * 7919 % (i + 300)) + " word ";
    return text;
  }
  static Error failure_of(Unpacker& unpacker, std::string_view piece, size_t max = 100'000) {
    try {
      unpacker.unpack(piece, max);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::protocol);
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return {ErrorKind::internal, ""};
  }

  Packer packer;
  Unpacker unpacker;
};

TEST_F(PackingTest, PiecesReferToThoseBeforeThem) {
  size_t last = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string piece = packer.pack(row(i));
    EXPECT_EQ(unpacker.unpack(piece, 100'000), row(i)) << i;
    last = piece.size();
  }
  EXPECT_LT(last, compress(row(499)).size() * 2 / 3);
}

TEST_F(PackingTest, PiecesOfAnySize) {
  std::string noise;
  for (uint32_t seed = 1; noise.size() < 400'000;)
    noise += static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  for (const std::string& content : {std::string(), noise, std::string("x"), std::string(300'000, 'y'), noise})
    EXPECT_EQ(unpacker.unpack(packer.pack(content), 500'000), content);
}

TEST_F(PackingTest, RefusesWhatIsTooLarge) {
  const std::string piece = packer.pack(std::string(100'001, 'y'));
  EXPECT_NE(failure_of(unpacker, piece).message().find("100000"), std::string::npos);
}

TEST_F(PackingTest, RefusesAPieceThatIsNotTheNext) {
  for (int i = 0; i < 10; ++i) unpacker.unpack(packer.pack(row(i)), 100'000);
  packer.pack(std::string("a piece that is lost, with words of its own"));
  failure_of(unpacker, packer.pack("a piece that is lost, with words of its own"));
}

TEST_F(PackingTest, NoticesDamage) {
  std::vector<std::string> before;
  for (int i = 0; i < 10; ++i) before.push_back(packer.pack(row(i)));
  const std::string piece = packer.pack(row(10));
  const auto fresh = [&] {
    Unpacker reader;
    for (const std::string& one : before) reader.unpack(one, 100'000);
    return reader;
  };
  for (size_t i = 0; i < piece.size(); ++i) {
    std::string damaged = piece;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    Unpacker reader = fresh();
    try {
      EXPECT_EQ(reader.unpack(damaged, 100'000), row(10)) << "byte " << i;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::protocol);
    }
    reader = fresh();
    failure_of(reader, std::string_view(piece).substr(0, i));
  }
  Unpacker reader = fresh();
  failure_of(reader, "");
}

}  // namespace
}  // namespace tributary
