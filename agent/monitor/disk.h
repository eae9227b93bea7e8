// Free space of the filesystem that a path lies on.
#pragma once

#include <cstdint>
#include <string>

namespace tributary {

// What a process without privileges can still write, in bytes. The path may not exist yet, then its nearest existing
// directory counts. Throws Error(resource).
uint64_t free_disk_bytes(const std::string& path);

}  // namespace tributary
