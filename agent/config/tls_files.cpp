#include "config/tls_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace tributary {
namespace {

mode_t mode_of_readable_file(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0)
    throw Error(ErrorKind::config, path + ": " + std::strerror(errno), "'tributary pki' makes certificates and keys");
  if (!S_ISREG(facts.st_mode)) throw Error(ErrorKind::config, path + " is not a file");
  if (access(path.c_str(), R_OK) != 0)
    throw Error(ErrorKind::config, path + ": " + std::strerror(errno), "the user that runs tributary must own it");
  return facts.st_mode;
}

}  // namespace

void check_readable_file(const std::string& path) {
  mode_of_readable_file(path);
}

void check_key_file(const std::string& path) {
  if ((mode_of_readable_file(path) & (S_IRWXG | S_IRWXO)) != 0)
    throw Error(ErrorKind::config, path + " is open to others than its owner", "chmod 600 " + path);
}

}  // namespace tributary
