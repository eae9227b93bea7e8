// W12: W2 and W7 where every fsync takes 5 ms longer, in servers and agents alike.
#include <stdlib.h>

#include <algorithm>

#include "bench/documents.h"
#include "bench/live_workloads.h"
#include "support/run_directory.h"

namespace tributary::test {
namespace {

constexpr char kFsyncMicroseconds[] = "5000";

// What this process starts has slow disks, until the end of this object.
class SlowDisks {
 public:
  SlowDisks() {
    // The servers' user may not be able to read the build's directory.
    const auto library = directory_ / "slow_fsync.so";
    std::filesystem::copy_file(BENCH_SLOW_FSYNC_LIBRARY, library);
    ::setenv("LD_PRELOAD", library.c_str(), 1);
    ::setenv("BENCH_FSYNC_MICROSECONDS", kFsyncMicroseconds, 1);
  }
  ~SlowDisks() {
    ::unsetenv("LD_PRELOAD");
    ::unsetenv("BENCH_FSYNC_MICROSECONDS");
  }

 private:
  TempDir directory_{"slow-disk"};
};

std::unique_ptr<Workload> named(const std::string& name, Workloads workloads) {
  const auto found =
      std::find_if(workloads.begin(), workloads.end(), [&](const auto& workload) { return workload->name() == name; });
  if (found == workloads.end()) throw std::logic_error("there is no workload " + name);
  return std::move(*found);
}

class SlowDisk : public Workload {
 public:
  std::string name() const override { return "W12"; }
  std::string summary() const override { return "W2 and W7 with 5 ms more for every fsync"; }
  void run(const Request& request, Report& report) override {
    const SlowDisks slow;
    Request fewer = request;
    fewer.scale /= 5;  // native-tls-sync takes 50,000 transactions, one by one, several times 5 ms each
    run_as("W12-W2", *named("W2", document_workloads()), fewer, report);
    run_as("W12-W7", *latency_workload(), request, report);
  }

 private:
  static void run_as(const std::string& name, Workload& workload, const Request& request, Report& report) {
    Report own(Report::Files{});
    workload.run(request, own);
    for (Result result : own.results()) {
      result.workload = name;
      report.add(std::move(result));
    }
  }
};

}  // namespace

std::unique_ptr<Workload> slow_disk_workload() {
  return std::make_unique<SlowDisk>();
}

}  // namespace tributary::test
