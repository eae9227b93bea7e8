#include "change/compression.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"

namespace tributary {
namespace {

struct Free {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Bytes that nobody clears.
class Room {
 public:
  char* for_bytes(size_t bytes) {
    if (bytes > bytes_) {
      *this = {};
      memory_ = std::make_unique_for_overwrite<char[]>(bytes);
      bytes_ = bytes;
    }
    return memory_.get();
  }
  size_t bytes() const { return bytes_; }
  void shrink() {
    if (bytes_ > kKeptBytesMax) *this = {};
  }

 private:
  static constexpr size_t kKeptBytesMax = 2 << 20;
  std::unique_ptr<char[]> memory_;
  size_t bytes_ = 0;
};

constexpr int kPackingLevel = 3;
constexpr size_t kPieceRoom = 16 << 10;  // for a piece's content, to begin with

size_t check(size_t code, const char* what) {
  if (ZSTD_isError(code)) throw Error(ErrorKind::internal, std::string(what) + ": " + ZSTD_getErrorName(code));
  return code;
}

uint32_t checksum(std::string_view content) {
  return static_cast<uint32_t>(hash_of(content));
}

Error damaged_piece() {
  return Error(ErrorKind::protocol, "a packed frame is damaged");
}

}  // namespace

std::string compress(std::string_view raw, int level) {
  thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  // Room for the worst case, many times what is needed, is kept: to have it cleared each time costs a sixth more.
  thread_local Room room;
  check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level), "zstd level");
  check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1), "zstd checksum");
  char* const frame = room.for_bytes(ZSTD_compressBound(raw.size()));
  const size_t size = ZSTD_compress2(context.get(), frame, room.bytes(), raw.data(), raw.size());
  check(size, "compression");
  std::string result(frame, size);
  room.shrink();
  return result;
}

bool is_compressed(std::string_view payload) {
  return payload.substr(0, 4) == std::string_view("\x28\xb5\x2f\xfd", 4);
}

std::string decompress(std::string_view payload, uint64_t raw_bytes) {
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  const bool is_plain = !payload.empty() && !is_compressed(payload);
  if ((is_plain ? payload.size() : ZSTD_getFrameContentSize(payload.data(), payload.size())) != raw_bytes)
    throw Error(ErrorKind::protocol, "a compressed payload has another size than its batch says");
  if (is_plain) return std::string(payload);
  std::string raw;
  raw.resize(raw_bytes);
  const size_t size = ZSTD_decompressDCtx(context.get(), raw.data(), raw.size(), payload.data(), payload.size());
  if (ZSTD_isError(size) || size != raw_bytes) throw Error(ErrorKind::protocol, "a compressed payload is damaged");
  return raw;
}

Packer::Packer() : context_(ZSTD_createCCtx()) {
  auto* const context = static_cast<ZSTD_CCtx*>(context_.get());
  check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, kPackingLevel), "zstd level");
  check(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, kPackingWindowLog), "zstd window");
}

void Packer::Free::operator()(void* context) const {
  ZSTD_freeCCtx(static_cast<ZSTD_CCtx*>(context));
}

std::string Packer::pack(std::string_view content) {
  std::string piece;
  put_u32(piece, checksum(content));
  const size_t start = piece.size();
  piece.resize(start + ZSTD_compressBound(content.size()) + ZSTD_CStreamOutSize() / 8);
  ZSTD_inBuffer in{content.data(), content.size(), 0};
  ZSTD_outBuffer out{piece.data(), piece.size(), start};
  for (;;) {
    const size_t left =
        check(ZSTD_compressStream2(static_cast<ZSTD_CCtx*>(context_.get()), &out, &in, ZSTD_e_flush), "packing");
    if (left == 0 && in.pos == in.size) break;
    piece.resize(2 * piece.size());
    out.dst = piece.data();
    out.size = piece.size();
  }
  piece.resize(out.pos);
  return piece;
}

Unpacker::Unpacker() : context_(ZSTD_createDCtx()) {
  check(ZSTD_DCtx_setParameter(static_cast<ZSTD_DCtx*>(context_.get()), ZSTD_d_windowLogMax, kPackingWindowLog),
        "zstd window");
}

void Unpacker::Free::operator()(void* context) const {
  ZSTD_freeDCtx(static_cast<ZSTD_DCtx*>(context));
}

std::string Unpacker::unpack(std::string_view piece, size_t content_bytes_max) {
  const uint32_t expected = ByteReader(piece).u32();
  ZSTD_inBuffer in{piece.data(), piece.size(), 4};
  std::string content(std::min(kPieceRoom, content_bytes_max + 1), '\0');
  ZSTD_outBuffer out{content.data(), content.size(), 0};
  for (;;) {
    const size_t left = ZSTD_decompressStream(static_cast<ZSTD_DCtx*>(context_.get()), &out, &in);
    if (ZSTD_isError(left) || left == 0) throw damaged_piece();  // the stream has no end
    if (out.pos < out.size) break;
    if (out.pos > content_bytes_max)
      throw Error(ErrorKind::protocol,
                  "a packed frame of more than the " + std::to_string(content_bytes_max) + " bytes that are allowed");
    content.resize(std::min(2 * content.size(), content_bytes_max + 1));
    out.dst = content.data();
    out.size = content.size();
  }
  content.resize(out.pos);
  if (in.pos != in.size || checksum(content) != expected) throw damaged_piece();
  return content;
}

}  // namespace tributary
