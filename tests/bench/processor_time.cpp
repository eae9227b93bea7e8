#include "bench/processor_time.h"

#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "support/run_directory.h"

namespace tributary::test {
namespace {

// Fields 14 and 15 of /proc/PID/stat, counted behind the program's name in parentheses.
double seconds_of(pid_t process) {
  const std::string stat = read_file("/proc/" + std::to_string(process) + "/stat");
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessorTime::ProcessorTime(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    const double used = seconds_of(part.process);
    counted_[part.process] = {part.name, used, used};
  }
}

void ProcessorTime::look(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    Counted& counted = counted_.try_emplace(part.process, Counted{part.name, 0, 0}).first->second;
    counted.now = std::max(counted.now, seconds_of(part.process));
  }
}

std::map<std::string, double> ProcessorTime::seconds() const {
  std::map<std::string, double> seconds;
  for (const auto& [process, counted] : counted_) seconds[counted.name] += counted.now - counted.before;
  return seconds;
}

int64_t peak_resident_bytes(pid_t process) {
  const std::string status = read_file("/proc/" + std::to_string(process) + "/status");
  const std::string key = "VmHWM:";
  const size_t place = status.find(key);
  return place == std::string::npos ? 0 : std::stoll(status.substr(place + key.size())) * 1024;
}

}  // namespace tributary::test
