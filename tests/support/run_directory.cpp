#include "support/run_directory.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace tributary::test {

namespace fs = std::filesystem;

namespace {

constexpr fs::perms kPassable = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                                fs::perms::others_read | fs::perms::others_exec;

// A lock file, held until the program ends. -1 when another holds it.
int lock_file(const fs::path& path, bool wait) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) throw std::runtime_error("cannot open " + path.string() + ": " + std::strerror(errno));
  if (::flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return -1;
}

// Stops the server whose data directory this is, if it still runs there.
void stop_server(const fs::path& data) {
  std::istringstream text(read_file(data / "postmaster.pid"));
  pid_t pid = 0;
  if (!(text >> pid) || pid <= 1) return;
  const auto runs_here = [&] {
    std::error_code ignored;
    return fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd", ignored) == data;
  };
  for (int i = 0; i < 100 && runs_here(); ++i) {
    ::kill(pid, i < 50 ? SIGQUIT : SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void sweep(const fs::path& run) {
  std::error_code ignored;
  for (fs::recursive_directory_iterator it(run, fs::directory_options::skip_permission_denied, ignored), end;
       !ignored && it != end; it.increment(ignored)) {
    if (it->path().filename() == "postmaster.pid") stop_server(it->path().parent_path());
  }
  fs::remove_all(run, ignored);
}

fs::path make_runs_directory() {
  const fs::path path = "/tmp/tributary-test-" + std::to_string(::getuid());
  ::mkdir(path.c_str(), 0755);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::getuid()) {
    throw std::runtime_error(path.string() + " is not a directory of this user");
  }
  fs::permissions(path, kPassable);
  fs::create_directories(path / "ports");
  return path;
}

class Run {
 public:
  Run() {
    const fs::path& runs = runs_directory();
    const int all = lock_file(runs / "sweep.lock", true);
    for (const auto& entry : fs::directory_iterator(runs)) {
      if (!entry.path().filename().string().starts_with("run-") || !entry.is_directory()) continue;
      const int fd = lock_file(entry.path() / "run.lock", false);
      if (fd < 0) continue;
      sweep(entry.path());
      ::close(fd);
    }
    std::string name = (runs / "run-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
    path_ = name;
    fs::permissions(path_, kPassable);
    lock_file(path_ / "run.lock", true);
    ::close(all);
    for (const char* name_of : {"PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGOPTIONS",
                                "PGSERVICE", "PGPASSFILE", "PGCLIENTENCODING", "PGTZ", "PGDATESTYLE", "PGSSLMODE"}) {
      ::unsetenv(name_of);
    }
  }
  ~Run() {
    if (!std::getenv("TRIBUTARY_KEEP_FILES")) sweep(path_);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

const fs::path& runs_directory() {
  static const fs::path path = make_runs_directory();
  return path;
}

const fs::path& run_directory() {
  static const Run run;
  return run.path();
}

TempDir::TempDir(const std::string& name) {
  static std::atomic<int> count{0};
  path_ = run_directory() / (name + "-" + std::to_string(++count));
  fs::create_directory(path_);
  fs::permissions(path_, kPassable);
}

TempDir::~TempDir() {
  std::error_code ignored;
  if (!std::getenv("TRIBUTARY_KEEP_FILES")) fs::remove_all(path_, ignored);
}

uint16_t free_port() {
  static std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> ports(15000, 31999);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const int port = ports(random);
    const int lock = lock_file(runs_directory() / "ports" / std::to_string(port), false);
    if (lock < 0) continue;
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    const bool is_free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (is_free) return static_cast<uint16_t>(port);  // the lock stays until the program ends
    ::close(lock);
  }
  throw std::runtime_error("no free port between 15000 and 31999");
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

void write_file(const fs::path& path, const std::string& text, fs::perms perms) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
  fs::permissions(path, perms);
}

void wait_until(const std::string& what, const std::function<bool()>& is_true, std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > end) {
      throw std::runtime_error("waited " + std::to_string(timeout.count()) + " ms in vain until " + what);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace tributary::test
