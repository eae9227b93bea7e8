// Processor time of processes, from /proc.
#pragma once

#include <sys/types.h>

#include <map>
#include <vector>

namespace tributary::test {

class ProcessorTime {
 public:
  // Begins to count: what `processes` used so far does not count.
  explicit ProcessorTime(const std::vector<pid_t>& processes);
  // Seconds since then, user and system, of `processes`; one that began in between counts whole.
  double used_by(const std::vector<pid_t>& processes) const;

 private:
  std::map<pid_t, double> before_;
};

}  // namespace tributary::test
