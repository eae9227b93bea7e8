#include "queue/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace tributary {
namespace {

std::string holder_of(int file) {
  char text[32];
  const ssize_t size = pread(file, text, sizeof text, 0);
  std::string digits(text, size > 0 ? static_cast<size_t>(size) : 0);
  digits.erase(digits.find_last_not_of("\n") + 1);
  return digits.empty() ? "another process" : "process " + digits;
}

}  // namespace

FileLock::FileLock(const std::string& path) : file_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (file_ < 0)
    throw Error(ErrorKind::setup,
                "cannot open the queue's lock file " + path + ": " + std::generic_category().message(errno),
                "let the agent's user write to that directory");
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = holder_of(file_);
    close(file_);
    throw Error(ErrorKind::setup, "the queue is in use: " + holder + " holds " + path,
                "stop the other agent, or give this one a [queue] path of its own");
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  // The pid is for people; without it the lock holds all the same.
  if (ftruncate(file_, 0) == 0 && pwrite(file_, pid.data(), pid.size(), 0) < 0) errno = 0;
}

FileLock::~FileLock() {
  close(file_);
}

}  // namespace tributary
