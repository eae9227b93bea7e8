// zstd frames with checksum: how payloads lie in the queue and travel on the link.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tributary {

// One zstd frame at `level`, with content size and checksum. The thread's compression context is reused.
std::string compress(std::string_view raw, int level = 1);

// The content of one frame. Throws Error(protocol) when it is damaged or when its size is not `raw_bytes`.
std::string decompress(std::string_view frame, uint64_t raw_bytes);

}  // namespace tributary
