#include "base/bytes.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

using namespace std::string_view_literals;

std::string sample() {
  std::string out;
  put_u8(out, 0xfe);
  put_u16(out, 0x0102);
  put_u32(out, 0x03040506);
  put_u64(out, 0x8000000000000007);
  out += "name\0"sv;
  out += "ab";
  return out;
}

TEST(Bytes, AreBigEndian) {
  EXPECT_EQ(sample(), "\xfe\x01\x02\x03\x04\x05\x06\x80\x00\x00\x00\x00\x00\x00\x07name\0ab"sv);
}

TEST(Bytes, AreReadAsTheyWereWritten) {
  const std::string bytes = sample();
  ByteReader in(bytes);
  EXPECT_EQ(in.u8(), 0xfe);
  EXPECT_EQ(in.u16(), 0x0102);
  EXPECT_EQ(in.u32(), 0x03040506u);
  EXPECT_EQ(in.i64(), static_cast<int64_t>(0x8000000000000007));
  EXPECT_EQ(in.c_string(), "name");
  EXPECT_EQ(in.remaining(), 2u);
  EXPECT_EQ(in.bytes(2), "ab");
  EXPECT_TRUE(in.empty());
}

TEST(Bytes, ThatAreMissingAreAnError) {
  const std::string bytes = sample();
  const auto read_all = [](std::string_view part) {
    ByteReader in(part);
    in.u8();
    in.u16();
    in.u32();
    in.u64();
    in.c_string();
    in.bytes(2);
  };
  EXPECT_NO_THROW(read_all(bytes));
  for (size_t size = 0; size < bytes.size(); ++size) {
    try {
      read_all(std::string_view(bytes).substr(0, size));
      ADD_FAILURE() << size << " bytes were enough";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::protocol);
    }
  }
}

TEST(Bytes, CannotBeSkippedPastTheEnd) {
  ByteReader in("abc");
  EXPECT_THROW(in.skip(4), Error);
  in.skip(3);
  EXPECT_TRUE(in.empty());
}

}  // namespace
}  // namespace tributary
