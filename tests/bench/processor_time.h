// Processor time of processes, from /proc.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace tributary::test {

struct Part {
  std::string name;  // "walsender", "region's agent"
  pid_t process;
};

class ProcessorTime {
 public:
  // Begins to count: what `parts` used so far does not count.
  explicit ProcessorTime(const std::vector<Part>& parts);
  // Seconds since then, user and system, under each name; a process that began in between counts whole.
  std::map<std::string, double> used_by(const std::vector<Part>& parts) const;

 private:
  std::map<pid_t, double> before_;
};

}  // namespace tributary::test
