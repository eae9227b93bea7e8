// Where a test program keeps everything it makes: one directory per run below /tmp/tributary-test-UID, with a lock that
// lives as long as the run. The first use sweeps runs that were killed: their PostgreSQL servers are stopped, by the
// postmaster.pid inside, and their directories deleted. Nothing outside that directory is touched.
//
// The support library has its own namespace because it is linked into tests beside the agent's rooms, whose names it
// would otherwise meet.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace tributary::test {

// The directory of all runs of this user. Others may pass through it: PostgreSQL runs as another user when the tests
// run as root.
const std::filesystem::path& runs_directory();

// This run's directory, made at the first call and deleted when the program ends.
const std::filesystem::path& run_directory();

// A directory of its own inside the run's. Deleted with the object, unless the test failed and
// TRIBUTARY_KEEP_FILES is set.
class TempDir {
 public:
  explicit TempDir(const std::string& name = "dir");
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// A loopback port that nothing listens on, below the range from which the system takes ports by itself. No other run
// is given it while this program lives.
uint16_t free_port();

std::string read_file(const std::filesystem::path& path);  // "" when there is none
void write_file(const std::filesystem::path& path, const std::string& text,
                std::filesystem::perms perms = std::filesystem::perms::owner_read |
                                               std::filesystem::perms::owner_write |
                                               std::filesystem::perms::group_read |
                                               std::filesystem::perms::others_read);

// Looks at `is_true` until it is; throws after `timeout`, naming `what`.
void wait_until(const std::string& what, const std::function<bool()>& is_true,
                std::chrono::milliseconds timeout = std::chrono::seconds(30));

}  // namespace tributary::test
