#include "seed/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace tributary {

NewFile::NewFile(std::filesystem::path path) : path_(std::move(path)), partial_(path_) {
  partial_ += ".partial";
  file_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file_ < 0) throw failure("make");
}

NewFile::~NewFile() {
  if (file_ >= 0) ::close(file_);
}

void NewFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written >= 0)
      bytes.remove_prefix(static_cast<size_t>(written));
    else if (errno != EINTR)
      throw failure("write");
  }
}

void NewFile::finish() {
  if (::fsync(file_) != 0) throw failure("write");
  const int file = std::exchange(file_, -1);
  if (::close(file) != 0) throw failure("write");
  if (::rename(partial_.c_str(), path_.c_str()) != 0) throw failure("rename");
  // Its name must outlive a loss of power too.
  const int directory = ::open(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) throw failure("finish");
  const bool is_synced = ::fsync(directory) == 0 || errno == EINVAL;  // not every file system can
  ::close(directory);
  if (!is_synced) throw failure("finish");
}

Error NewFile::failure(const char* what) const {
  const int number = errno;
  return Error(ErrorKind::resource,
               std::string("cannot ") + what + " " + partial_.string() + ": " + std::generic_category().message(number),
               number == ENOSPC || number == EDQUOT ? "Give it a larger disk, and run it again." : "");
}

}  // namespace tributary
