#include "queue/ballast.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace tributary {

Ballast::Ballast(std::string path, uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

bool Ballast::make() {
  if (!is_made_) is_made_ = bytes_ == 0 || allocate(bytes_) || allocate(bytes_ / 4);
  return is_made_;
}

void Ballast::release() {
  unlink(path_.c_str());
  is_made_ = false;
}

bool Ballast::allocate(uint64_t bytes) {
  const int file = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool fits = ftruncate(file, 0) == 0 && posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0;
  close(file);
  if (!fits) unlink(path_.c_str());
  return fits;
}

}  // namespace tributary
