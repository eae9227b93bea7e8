#include "queue/ballast.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace tributary {

Ballast::Ballast(std::string path, uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

bool Ballast::make() {
  if (made_bytes_ < bytes_ && !grow_to(bytes_) && made_bytes_ == 0) grow_to(bytes_ / 4);
  return is_made();
}

void Ballast::release() {
  unlink(path_.c_str());
  made_bytes_ = 0;
}

bool Ballast::grow_to(uint64_t bytes) {
  const int file = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool fits = posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0;
  if (fits) made_bytes_ = bytes;
  const bool is_as_said = ftruncate(file, static_cast<off_t>(made_bytes_)) == 0;
  close(file);
  return fits && is_as_said;
}

}  // namespace tributary
