// A machine of its own for what an administrator types as root: users, /etc, /var/lib, PostgreSQL's clusters,
// processes. Linux namespaces over this machine's files; nothing of this machine is changed, and all is gone with the
// object. Machines of one Network share a loopback and nothing else.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "support/process.h"
#include "support/run_directory.h"

namespace tributary::test {

// Why no machine can be made here; nullopt: one can. Needs root, leave to mount, and Debian's pg_createcluster.
std::optional<std::string> objection_to_machines();

// A loopback that only its machines have.
class Network {
 public:
  Network();
  pid_t pid() const { return holder_->pid(); }

 private:
  std::unique_ptr<Process> holder_;
};

class Machine {
 public:
  Machine(const Network& network, const std::string& name);

  const std::string& name() const { return name_; }
  // Types the lines into a shell of root's, in `directory` or at home, which ends at the first that fails.
  Outcome type(const std::string& lines, const std::string& directory = {}) const;

 private:
  std::string name_;
  TempDir place_;
  std::unique_ptr<Process> process_;
  pid_t inside_ = 0;  // the machine's first process
};

}  // namespace tributary::test
