// Frames as bytes: the outermost layer of the link, under which there is only TLS.
//
//   u32 length (big-endian; of the body alone, at least 1) | body: one link.Frame, protobuf
//
// The highest bit of the length is set where the body is packed: a piece of the sender's one zstd stream of this
// session (change/compression.h) whose content is the link.Frame, of at most kPackedFrameBytesMax.
//
// Pure functions. Bytes that are not exactly one frame with a known body are Error(protocol), never a default value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "change/compression.h"
#include "link.pb.h"

namespace tributary {

constexpr size_t kFrameHeaderBytes = 4;
constexpr size_t kPackedFrameBytesMax = 512 << 10;

// Appends one frame, header included. Error(internal) when it has no body or is larger than 2 GiB, which is as much as
// protobuf can hold; `out` is then unchanged.
void append_frame(std::string& out, const link::Frame& frame);

// The same, packed. Error(internal) when it is larger than what may be packed.
void append_packed_frame(std::string& out, const link::Frame& frame, Packer& packer);

// The length of the body that follows these four bytes. Error(protocol) when it is zero or above the limit.
size_t frame_body_bytes(std::string_view header, size_t frame_bytes_max);

bool is_packed(std::string_view header);

// The frame in one whole body, of a packed one once it is unpacked. Error(protocol) when it is not one, or has a body
// that this version does not know.
link::Frame decode_frame(std::string_view body);

}  // namespace tributary
