// zstd: how payloads lie in the queue and travel on the link, and the stream in which small frames of one session share
// what was sent before them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tributary {

// One zstd frame at `level`, with content size and checksum. The thread's compression context is reused.
std::string compress(std::string_view raw, int level = 1);

// Whether a payload is a zstd frame; otherwise it is plain.
bool is_compressed(std::string_view payload);

// The content of one frame; a payload that is not compressed comes back as it is: no record of a payload begins as a
// zstd frame does. Throws Error(protocol) when it is damaged or when its size is not `raw_bytes`.
std::string decompress(std::string_view payload, uint64_t raw_bytes);

// How far back a packed piece may refer, in bytes of content: decides the reader's memory, about 200 KiB.
constexpr int kPackingWindowLog = 15;

// Packs pieces so that each may refer to those before it: small ones, alike, shrink to a fraction of what they would
// need by themselves. Packer and Unpacker share one zstd stream (one frame without an end); each piece ends with a
// flush, and bears a checksum of its content:
//
//   piece = u32 checksum (low half of the content's FNV-1a, big-endian) | zstd blocks
class Packer {
 public:
  Packer();
  std::string pack(std::string_view content);

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

// Unpacks the pieces of one Packer, all of them, in their order. After a failure it is of no more use.
class Unpacker {
 public:
  Unpacker();
  // Throws Error(protocol) when the piece is damaged, not the next one, or larger than `content_bytes_max`.
  std::string unpack(std::string_view piece, size_t content_bytes_max);

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

}  // namespace tributary
