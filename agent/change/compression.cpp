#include "change/compression.h"

#include <zstd.h>

#include <memory>

#include "base/error.h"

namespace tributary {
namespace {

struct Free {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

void check(size_t code, const char* what) {
  if (ZSTD_isError(code)) throw Error(ErrorKind::internal, std::string(what) + ": " + ZSTD_getErrorName(code));
}

}  // namespace

std::string compress(std::string_view raw, int level) {
  thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level), "zstd level");
  check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1), "zstd checksum");
  std::string frame;
  frame.resize(ZSTD_compressBound(raw.size()));
  const size_t size = ZSTD_compress2(context.get(), frame.data(), frame.size(), raw.data(), raw.size());
  check(size, "compression");
  frame.resize(size);
  return frame;
}

std::string decompress(std::string_view frame, uint64_t raw_bytes) {
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != raw_bytes)
    throw Error(ErrorKind::protocol, "a compressed payload has another size than its batch says");
  std::string raw;
  raw.resize(raw_bytes);
  const size_t size = ZSTD_decompressDCtx(context.get(), raw.data(), raw.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) || size != raw_bytes)
    throw Error(ErrorKind::protocol, "a compressed payload is damaged");
  return raw;
}

}  // namespace tributary
