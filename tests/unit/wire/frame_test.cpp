#include "wire/frame.h"

#include <gmock/gmock.h>

#include <random>

#include "base/error.h"

namespace tributary {
namespace {

using testing::HasSubstr;

link::Frame batch_frame() {
  link::Frame frame;
  frame.mutable_batch()->set_part(3);
  frame.mutable_batch()->add_relations(0x1122334455667788);
  frame.mutable_batch()->set_payload(std::string("\0\1\2", 3));
  return frame;
}

template <typename Work>
Error failure_of(Work work) {
  try {
    work();
  } catch (const Error& failure) {
    return failure;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ErrorKind::internal, ""};
}

TEST(Frame, ComesBackAsItWasSent) {
  std::string bytes = "before";
  append_frame(bytes, batch_frame());
  const std::string_view frame = std::string_view(bytes).substr(6);
  const size_t body_bytes = frame_body_bytes(frame.substr(0, kFrameHeaderBytes), 1000);
  ASSERT_EQ(kFrameHeaderBytes + body_bytes, frame.size());
  EXPECT_EQ(decode_frame(frame.substr(kFrameHeaderBytes)).SerializeAsString(), batch_frame().SerializeAsString());
}

TEST(Frame, HasTheseBytes) {
  link::Frame frame;
  frame.mutable_ping()->set_sent_at(5);
  std::string bytes;
  append_frame(bytes, frame);
  // length 4; field 8 (ping), 2 bytes; field 1 (sent_at), varint 5
  EXPECT_EQ(bytes, std::string("\0\0\0\4\x42\2\x08\5", 8));
}

TEST(Frame, ComesBackFromItsPacking) {
  Packer packer;
  Unpacker unpacker;
  for (int i = 0; i < 3; ++i) {
    std::string bytes;
    append_packed_frame(bytes, batch_frame(), packer);
    const std::string_view header = std::string_view(bytes).substr(0, kFrameHeaderBytes);
    EXPECT_TRUE(is_packed(header));
    EXPECT_EQ(frame_body_bytes(header, 1000), bytes.size() - kFrameHeaderBytes);
    const std::string content = unpacker.unpack(std::string_view(bytes).substr(kFrameHeaderBytes), 1000);
    EXPECT_EQ(decode_frame(content).SerializeAsString(), batch_frame().SerializeAsString());
  }
  std::string plain;
  append_frame(plain, batch_frame());
  EXPECT_FALSE(is_packed(plain));
}

TEST(Frame, IsNotPackedWhenItIsTooLarge) {
  Packer packer;
  std::string bytes;
  link::Frame frame = batch_frame();
  frame.mutable_batch()->set_payload(std::string(kPackedFrameBytesMax, 'x'));
  EXPECT_EQ(failure_of([&] { append_packed_frame(bytes, frame, packer); }).kind(), ErrorKind::internal);
}

TEST(Frame, IsNotReadWhenItIsCutAnywhere) {
  std::string bytes;
  append_frame(bytes, batch_frame());
  for (size_t size = 0; size < kFrameHeaderBytes; ++size)
    EXPECT_EQ(failure_of([&] { frame_body_bytes(std::string_view(bytes).substr(0, size), 1000); }).kind(),
              ErrorKind::protocol);
  const std::string_view body = std::string_view(bytes).substr(kFrameHeaderBytes);
  for (size_t size = 0; size < body.size(); ++size)
    EXPECT_EQ(failure_of([&] { decode_frame(body.substr(0, size)); }).kind(), ErrorKind::protocol) << size;
}

TEST(Frame, MayNotBeEmptyOrTooLarge) {
  EXPECT_EQ(failure_of([] { frame_body_bytes(std::string(4, '\0'), 1000); }).kind(), ErrorKind::protocol);
  EXPECT_EQ(frame_body_bytes(std::string("\0\0\3\xe8", 4), 1000), 1000U);
  const Error failure = failure_of([] { frame_body_bytes(std::string("\0\0\3\xe9", 4), 1000); });
  EXPECT_EQ(failure.kind(), ErrorKind::protocol);
  EXPECT_THAT(failure.message(), HasSubstr("1001"));
  EXPECT_EQ(failure_of([] { frame_body_bytes(std::string("\xff\xff\xff\xff", 4), 64 << 20); }).kind(),
            ErrorKind::protocol);
}

TEST(Frame, OfNoKnownKindIsRefusedOnBothSides) {
  std::string out;
  EXPECT_EQ(failure_of([&] { append_frame(out, link::Frame()); }).kind(), ErrorKind::internal);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(failure_of([] { decode_frame(std::string("\xfa\x06\x00", 3)); }).kind(), ErrorKind::protocol);
}

TEST(Frame, GarbageIsAnErrorOrAFrameButNeverACrash) {
  std::mt19937 random(7);
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(1 + random() % 60, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    try {
      decode_frame(bytes);
    } catch (const Error& failure) {
      EXPECT_EQ(failure.kind(), ErrorKind::protocol);
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace tributary
