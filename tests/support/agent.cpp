#include "support/agent.h"

#include <google/protobuf/util/json_util.h>

#include <csignal>
#include <stdexcept>
#include <thread>

#include "support/pki.h"

namespace tributary::test {

Agent::Agent(const std::string& name) : directory_(name) {}

Agent::~Agent() = default;

void Agent::start() {
  start_in({});
}

void Agent::start_with_failpoint(const std::string& failpoint, int hit) {
  start_in({{"TRIBUTARY_FAILPOINT", failpoint + ":" + std::to_string(hit)}});
}

void Agent::start_freezing_at(const std::string& failpoint, int hit) {
  start_in({{"TRIBUTARY_FAILPOINT", failpoint + ":" + std::to_string(hit) + ":stop"}});
}

void Agent::wait_until_frozen() {
  const std::string stat = "/proc/" + std::to_string(pid()) + "/stat";
  wait_until("the agent is frozen", [&] {
    if (!is_running()) throw std::runtime_error("the agent ended:\n" + log());
    const std::string text = read_file(stat);
    return text.find(") T ") != std::string::npos;
  });
}

void Agent::start_in(std::map<std::string, std::string> environment) {
  process_.reset();
  Command command;
  command.words = {tributary_program().string(), "run", "-c", config_file().string()};
  command.environment = std::move(environment);
  command.output = directory_ / "log";
  process_ = std::make_unique<Process>(command);
}

void Agent::stop() {
  process_->signal(SIGTERM);
  const std::optional<int> code = process_->wait(std::chrono::seconds(2));
  if (!code) throw std::runtime_error("the agent did not stop within two seconds:\n" + log());
  // A signal that comes before the program has begun to listen for it ends it as well, and loses as little.
  if (*code != 0 && *code != -SIGTERM)
    throw std::runtime_error("the agent ended with " + std::to_string(*code) + ":\n" + log());
}

void Agent::kill() {
  process_->signal(SIGKILL);
  process_->wait(std::chrono::seconds(10));
}

void Agent::freeze() {
  process_->signal(SIGSTOP);
}

void Agent::unfreeze() {
  process_->signal(SIGCONT);
}

bool Agent::is_running() {
  return process_ && process_->is_running();
}

int Agent::wait_until_ended(std::chrono::milliseconds timeout) {
  const std::optional<int> code = process_->wait(timeout);
  if (!code) throw std::runtime_error("the agent did not end:\n" + log());
  return *code;
}

status::NodeStatus Agent::status() {
  // Its exit code tells the node's health, which is not the question here. An agent that has just begun does not answer
  // yet.
  Outcome outcome = command({"status", "--json"});
  const auto patience_ends = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (outcome.output.find('{') == std::string::npos && process_ && process_->is_running() &&
         std::chrono::steady_clock::now() < patience_ends) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    outcome = command({"status", "--json"});
  }
  status::NodeStatus status;
  const size_t begin = outcome.output.find('{');
  if (begin == std::string::npos ||
      !google::protobuf::util::JsonStringToMessage(outcome.output.substr(begin), &status).ok()) {
    throw std::runtime_error("no status: " + outcome.output);
  }
  return status;
}

Outcome Agent::command(const std::vector<std::string>& words, std::chrono::milliseconds timeout) {
  Command command;
  command.words = {tributary_program().string(), words.front(), "-c", config_file().string()};
  command.words.insert(command.words.end(), words.begin() + 1, words.end());
  return run(command, timeout);
}

}  // namespace tributary::test
