#include "support/machine.h"

#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace tributary::test {
namespace {

const std::vector<std::string> kNamespaces = {"unshare", "--mount", "--pid",        "--ipc",
                                              "--uts",   "--fork",  "--kill-child", "--mount-proc"};

const std::string kHome = "/run/home";  // machine.sh makes it

// The one child of a process; 0 while it has none.
pid_t child_of(pid_t pid) {
  const std::string id = std::to_string(pid);
  std::ifstream list("/proc/" + id + "/task/" + id + "/children");
  pid_t child = 0;
  list >> child;
  return child;
}

}  // namespace

std::optional<std::string> objection_to_machines() {
  if (::geteuid() != 0) return "it needs root";
  for (const char* program : {"/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/pg_createcluster", "/usr/sbin/useradd"})
    if (::access(program, X_OK) != 0) return std::string(program) + " is not here";
  Command probe;
  probe.words = kNamespaces;
  probe.words.insert(probe.words.end(),
                     {"--net", "bash", "-c",
                      "mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w && ip link set lo up && "
                      "mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /etc"});
  const Outcome outcome = run(probe);
  if (outcome.exit_code != 0) return "this container may not make namespaces and mounts: " + outcome.output;
  return std::nullopt;
}

Network::Network() {
  Command command;
  command.words = {"unshare", "--net", "bash", "-c", "ip link set lo up && exec sleep infinity"};
  holder_ = std::make_unique<Process>(command);
  wait_until("the network is up", [&] {
    Command look;
    look.words = {"nsenter", "--net=/proc/" + std::to_string(holder_->pid()) + "/ns/net", "bash", "-c",
                  "ip -o link show lo | grep -q LOOPBACK,UP"};
    return run(look).exit_code == 0;
  });
}

Machine::Machine(const Network& network, const std::string& name) : name_(name), place_(name + "-machine") {
  Command command;
  command.words = {"nsenter", "--net=/proc/" + std::to_string(network.pid()) + "/ns/net"};
  command.words.insert(command.words.end(), kNamespaces.begin(), kNamespaces.end());
  command.words.insert(command.words.end(), {"bash", TRIBUTARY_MACHINE_SCRIPT, place_.path().string()});
  command.output = place_ / "machine.log";
  process_ = std::make_unique<Process>(command);
  wait_until("the machine " + name + " is ready", [&] {
    if (!process_->is_running()) throw std::runtime_error("no machine: " + read_file(place_ / "machine.log"));
    return std::filesystem::exists(place_ / "sbin/ready");
  });
  inside_ = child_of(process_->pid());
  if (inside_ == 0) throw std::runtime_error("the machine " + name + " has no first process");
}

Outcome Machine::type(const std::string& lines, const std::string& directory) const {
  Command command;
  command.words = {"nsenter",
                   "--target",
                   std::to_string(inside_),
                   "--mount",
                   "--pid",
                   "--ipc",
                   "--uts",
                   "--net",
                   "bash",
                   "-euo",
                   "pipefail",
                   "-c",
                   "cd " + (directory.empty() ? kHome : directory) + "\n" + lines};
  command.environment = {{"HOME", kHome},
                         {"TMPDIR", "/run/tmp"},
                         {"USER", "root"},
                         {"LC_ALL", "C.UTF-8"},
                         {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
  return run(command, std::chrono::seconds(120));
}

}  // namespace tributary::test
