#include "bench/processor_time.h"

#include <unistd.h>

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
  for (const Part& part : parts) before_[part.process] = seconds_of(part.process);
}

std::map<std::string, double> ProcessorTime::used_by(const std::vector<Part>& parts) const {
  std::map<std::string, double> seconds;
  for (const Part& part : parts) {
    const auto before = before_.find(part.process);
    seconds[part.name] += seconds_of(part.process) - (before == before_.end() ? 0 : before->second);
  }
  return seconds;
}

}  // namespace tributary::test
