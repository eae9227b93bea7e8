// Processor time of a way's processes while it is measured, from /proc.
//
// Processes come and go meanwhile: what one used up to the last look at it is known from itself. What it used behind
// that look, until it ended, only its PostgreSQL knows: a postmaster's own figures hold the time of all its children
// that have ended, from which those of the others are subtracted.
#pragma once

#include <sys/types.h>

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
  // Begins to count: what `parts` used so far does not count. `postmasters`: of the servers whose children they are.
  ProcessorTime(const std::vector<pid_t>& postmasters, const std::vector<Part>& parts);
  // Looks at them again. A process that began in between counts whole, and one that has ended, too; not one that no
  // look has met.
  void look(const std::vector<Part>& parts);
  // Seconds up to the last look, user and system, under each name.
  std::map<std::string, double> seconds() const;

 private:
  struct Counted {
    std::string name;
    double before;
    double now;
  };
  struct Server {
    pid_t postmaster;
    double ended_seconds;              // of all children that have ended
    std::map<pid_t, double> children;  // seconds of each
  };

  static Server look_at(pid_t postmaster);
  void count_ended(const Server& before, const Server& now);

  std::map<pid_t, Counted> counted_;
  std::vector<Server> servers_;
};

}  // namespace tributary::test
