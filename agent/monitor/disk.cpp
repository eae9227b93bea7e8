#include "monitor/disk.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace tributary {

uint64_t free_disk_bytes(const std::string& path) {
  auto place = std::filesystem::path(path);
  struct statvfs space {};
  while (statvfs(place.empty() ? "." : place.c_str(), &space) != 0) {
    const int failure = errno;
    if (failure == EINTR) continue;
    const auto above = place.parent_path();
    if (failure != ENOENT || place.empty() || above == place)
      throw Error(ErrorKind::resource,
                  "free space of " + path + " is not known: " + std::generic_category().message(failure));
    place = above;
  }
  return static_cast<uint64_t>(space.f_bavail) * space.f_frsize;
}

}  // namespace tributary
