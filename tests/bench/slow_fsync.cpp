// Loaded into servers and agents (LD_PRELOAD): every fsync and fdatasync takes BENCH_FSYNC_MICROSECONDS longer, as on a
// disk that is not in memory.
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace {

using Sync = int (*)(int);

void wait_as_a_disk_does() {
  const char* const text = std::getenv("BENCH_FSYNC_MICROSECONDS");
  const long microseconds = text ? std::atol(text) : 0;
  timespec left{microseconds / 1'000'000, microseconds % 1'000'000 * 1000};
  while (::nanosleep(&left, &left) != 0) {
  }
}

}  // namespace

extern "C" int fsync(int file) {
  static const auto real = reinterpret_cast<Sync>(::dlsym(RTLD_NEXT, "fsync"));
  wait_as_a_disk_does();
  return real(file);
}

extern "C" int fdatasync(int file) {
  static const auto real = reinterpret_cast<Sync>(::dlsym(RTLD_NEXT, "fdatasync"));
  wait_as_a_disk_does();
  return real(file);
}
