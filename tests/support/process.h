// Programs that a test starts. They die with the test program, also when it is killed; so start them from a thread that
// lives as long as they should.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tributary::test {

struct Command {
  std::vector<std::string> words;                  // the program and its arguments
  std::map<std::string, std::string> environment;  // added to this program's
  std::filesystem::path output;                    // appended to: stdout and stderr
  std::string user;                                // run as this user; empty, or not root: as this program's
  int death_signal = SIGKILL;                      // sent when the test program ends
};

class Process {
 public:
  explicit Process(const Command& command);  // throws when it cannot be started
  ~Process();                                // kills it
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool is_running();
  void signal(int number);  // nothing when it has ended
  // Waits until it has ended: its exit code, or minus the signal that ended it. nullopt: it still runs.
  std::optional<int> wait(std::chrono::milliseconds timeout);

 private:
  pid_t pid_ = -1;
  std::optional<int> ended_;
};

struct Outcome {
  int exit_code = 0;   // minus the signal that ended it
  std::string output;  // stdout and stderr
};

// Runs to the end; throws when it lasts longer than `timeout`.
Outcome run(Command command, std::chrono::milliseconds timeout = std::chrono::seconds(60));
// The same; throws with the output when the exit code is not 0.
std::string run_or_throw(const Command& command, std::chrono::milliseconds timeout = std::chrono::seconds(60));

}  // namespace tributary::test
