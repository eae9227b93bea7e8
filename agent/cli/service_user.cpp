#include "cli/service_user.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "config/parse.h"

namespace tributary {
namespace {

constexpr char kUsualName[] = "tributary";

// nullptr: root's own, or nobody's.
const passwd* user_of(const std::string& directory) {
  struct stat about {};
  if (stat(directory.c_str(), &about) != 0) return getpwnam(kUsualName);
  if (about.st_uid == 0) return nullptr;
  const passwd* user = getpwuid(about.st_uid);
  if (!user)
    throw Error(ErrorKind::setup,
                directory + " belongs to user " + std::to_string(about.st_uid) + ", who does not exist here",
                "chown it to the agent's user, or run this as that user");
  return user;
}

void become(const passwd& user) {
  if (initgroups(user.pw_name, user.pw_gid) != 0 || setgid(user.pw_gid) != 0 || setuid(user.pw_uid) != 0)
    throw Error(ErrorKind::setup, std::string("cannot become the user ") + user.pw_name + ": " + std::strerror(errno),
                std::string("runuser -u ") + user.pw_name + " -- tributary ...");
  // libpq looks for files there.
  setenv("HOME", user.pw_dir, 1);
  setenv("USER", user.pw_name, 1);
  setenv("LOGNAME", user.pw_name, 1);
}

}  // namespace

std::string become_service_user(const std::string& config_file) {
  if (geteuid() != 0) return {};
  std::string socket;
  try {
    socket = find_control_socket(config_file);
  } catch (const Error&) {
    return {};
  }
  const passwd* user = user_of(std::filesystem::path(socket).parent_path().string());
  if (!user) return {};
  const std::string name = user->pw_name;
  become(*user);
  return name;
}

}  // namespace tributary
