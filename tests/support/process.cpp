#include "support/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "support/run_directory.h"

namespace tributary::test {

namespace {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

std::optional<User> user_to_become(const std::string& name) {
  if (name.empty() || ::geteuid() != 0) return std::nullopt;
  const passwd* entry = ::getpwnam(name.c_str());
  if (!entry) throw std::runtime_error("there is no user " + name);
  User user{entry->pw_uid, entry->pw_gid, std::vector<gid_t>(64)};
  int count = static_cast<int>(user.groups.size());
  ::getgrouplist(name.c_str(), entry->pw_gid, user.groups.data(), &count);
  user.groups.resize(static_cast<size_t>(std::clamp(count, 0, 64)));
  return user;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

Process::Process(const Command& command) {
  // Everything that allocates is done before fork: this program has threads.
  const std::optional<User> user = user_to_become(command.user);
  std::vector<std::string> words = command.words;
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) {
    const std::string text = *variable;
    if (!command.environment.contains(text.substr(0, text.find('=')))) variables.push_back(text);
  }
  for (const auto& [name, value] : command.environment) variables.push_back(name + "=" + value);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(variables);
  const std::string output = command.output.empty() ? "/dev/null" : command.output.string();
  const int log = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (log < 0 || null < 0) throw std::runtime_error("cannot open " + output + ": " + std::strerror(errno));

  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(null, 0);
    ::dup2(log, 1);
    ::dup2(log, 2);
    if (user && (::setgroups(user->groups.size(), user->groups.data()) != 0 || ::setgid(user->gid) != 0 ||
                 ::setuid(user->uid) != 0 || ::chdir("/") != 0)) {
      ::_exit(126);
    }
    // After setuid, which clears it.
    ::prctl(PR_SET_PDEATHSIG, command.death_signal);
    if (::getppid() != parent) ::_exit(125);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(log);
  ::close(null);
  if (pid_ < 0) throw std::runtime_error("cannot fork for " + command.words.front());
}

Process::~Process() {
  signal(SIGKILL);
  wait(std::chrono::seconds(10));
}

bool Process::is_running() {
  return !wait(std::chrono::milliseconds(0));
}

void Process::signal(int number) {
  if (!ended_) ::kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!ended_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    } else if (std::chrono::steady_clock::now() >= end) {
      break;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  return ended_;
}

Outcome run(Command command, std::chrono::milliseconds timeout) {
  const TempDir directory("command");
  if (command.output.empty()) command.output = directory / "output";
  Process process(command);
  const std::optional<int> code = process.wait(timeout);
  if (!code) throw std::runtime_error(command.words.front() + " did not end: " + read_file(command.output));
  return {*code, read_file(command.output)};
}

std::string run_or_throw(const Command& command, std::chrono::milliseconds timeout) {
  Outcome outcome = run(command, timeout);
  if (outcome.exit_code == 0) return std::move(outcome.output);
  std::string line;
  for (const std::string& word : command.words) line += word + " ";
  throw std::runtime_error(line + "ended with " + std::to_string(outcome.exit_code) + ": " + outcome.output);
}

}  // namespace tributary::test
