// One running agent: the program `tributary run` with a configuration and a queue directory of its own.
#pragma once

#include <status.pb.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/run_directory.h"

namespace tributary::test {

class Agent {
 public:
  explicit Agent(const std::string& name);
  ~Agent();

  // The directory of the configuration file and of the queue. Relative paths in the configuration begin here.
  const std::filesystem::path& directory() const { return directory_.path(); }
  std::filesystem::path config_file() const { return directory_ / "tributary.toml"; }
  void write_config(const std::string& text) { write_file(config_file(), text); }

  void start();
  // The agent kills itself when it comes to `failpoint` for the `hit`-th time.
  void start_with_failpoint(const std::string& failpoint, int hit = 1);
  // The agent freezes itself there, until unfreeze().
  void start_freezing_at(const std::string& failpoint, int hit = 1);
  void wait_until_frozen();
  void stop();    // SIGTERM; throws when it takes two seconds or ends in any other way
  void kill();    // kill -9
  void freeze();  // SIGSTOP: alive and silent
  void unfreeze();
  bool is_running();
  int wait_until_ended(std::chrono::milliseconds timeout = std::chrono::seconds(30));  // as Process::wait
  pid_t pid() const { return process_->pid(); }

  std::string log() const { return read_file(directory_ / "log"); }
  // Throws when the agent does not answer.
  status::NodeStatus status();
  // Another command of the program with this agent's configuration: {"init", "--dry-run"}.
  Outcome command(const std::vector<std::string>& words, std::chrono::milliseconds timeout = std::chrono::seconds(60));

 private:
  void start_in(std::map<std::string, std::string> environment);

  TempDir directory_;
  std::unique_ptr<Process> process_;
};

}  // namespace tributary::test
