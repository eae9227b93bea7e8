// The lock that makes a queue one process's own: flock on a file beside it, held for life. (Locks on the database file
// itself are lost when any handle of it closes.) The file stays when the process ends; only the lock goes.
#pragma once

#include <string>

namespace tributary {

class FileLock {
 public:
  // Throws Error(setup) that names the process when another one holds it.
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_;
};

}  // namespace tributary
