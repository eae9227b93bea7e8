// Processor time and memory of processes, from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tributary::test {

struct Part {
  std::string name;  // "district walsender", "region agent"
  pid_t process;
};

class ProcessorTime {
 public:
  // Begins to count: what `parts` used so far does not count.
  explicit ProcessorTime(const std::vector<Part>& parts);
  // Looks at them again. A process that began in between counts whole; one that has ended, up to the last look.
  void look(const std::vector<Part>& parts);
  // Seconds up to the last look, user and system, under each name.
  std::map<std::string, double> seconds() const;

 private:
  struct Counted {
    std::string name;
    double before;
    double now;
  };
  std::map<pid_t, Counted> counted_;
};

// The most that was resident at once; 0 where there is no such process.
int64_t peak_resident_bytes(pid_t process);

}  // namespace tributary::test
