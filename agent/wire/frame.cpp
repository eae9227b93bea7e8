#include "wire/frame.h"

#include <limits>

#include "base/bytes.h"
#include "base/error.h"

namespace tributary {
namespace {

constexpr uint32_t kPackedBit = 1U << 31;

}  // namespace

void append_frame(std::string& out, const link::Frame& frame) {
  const size_t body_bytes = frame.ByteSizeLong();
  if (frame.body_case() == link::Frame::BODY_NOT_SET || body_bytes > std::numeric_limits<int32_t>::max())
    throw Error(ErrorKind::internal, "a frame of " + std::to_string(body_bytes) + " bytes cannot be sent");
  put_u32(out, static_cast<uint32_t>(body_bytes));
  const size_t start = out.size();
  out.resize(start + body_bytes);
  frame.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(out.data() + start));
}

void append_packed_frame(std::string& out, const link::Frame& frame, Packer& packer) {
  std::string content;
  append_frame(content, frame);
  content.erase(0, kFrameHeaderBytes);
  if (content.size() > kPackedFrameBytesMax)
    throw Error(ErrorKind::internal, "a frame of " + std::to_string(content.size()) + " bytes cannot be packed");
  const std::string piece = packer.pack(content);
  put_u32(out, static_cast<uint32_t>(piece.size()) | kPackedBit);
  out += piece;
}

bool is_packed(std::string_view header) {
  return (ByteReader(header).u32() & kPackedBit) != 0;
}

size_t frame_body_bytes(std::string_view header, size_t frame_bytes_max) {
  const size_t body_bytes = ByteReader(header).u32() & ~kPackedBit;
  if (body_bytes == 0) throw Error(ErrorKind::protocol, "an empty frame");
  if (body_bytes > frame_bytes_max)
    throw Error(ErrorKind::protocol, "a frame of " + std::to_string(body_bytes) + " bytes; at most " +
                                         std::to_string(frame_bytes_max) + " are allowed");
  return body_bytes;
}

link::Frame decode_frame(std::string_view body) {
  link::Frame frame;
  if (body.size() > std::numeric_limits<int32_t>::max() ||
      !frame.ParseFromArray(body.data(), static_cast<int>(body.size())))
    throw Error(ErrorKind::protocol, "a frame that cannot be read");
  if (frame.body_case() == link::Frame::BODY_NOT_SET)
    throw Error(ErrorKind::protocol, "a frame of a kind that this version does not know");
  return frame;
}

}  // namespace tributary
