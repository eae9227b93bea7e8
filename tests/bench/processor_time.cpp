#include "bench/processor_time.h"

#include <algorithm>

#include "bench/process_facts.h"

namespace tributary::test {

ProcessorTime::ProcessorTime(const std::vector<pid_t>& postmasters, const std::vector<Part>& parts) {
  for (const pid_t postmaster : postmasters) servers_.push_back(look_at(postmaster));
  for (const Part& part : parts) {
    const double used = processor_seconds_of(part.process);
    counted_[part.process] = {part.name, used, used};
  }
}

// One that ends meanwhile is either among the children or in the sum of those that have ended.
ProcessorTime::Server ProcessorTime::look_at(pid_t postmaster) {
  for (double ended = ended_children_seconds_of(postmaster);;) {
    Server server{postmaster, ended, {}};
    for (const pid_t child : children_of(postmaster)) server.children[child] = processor_seconds_of(child);
    ended = ended_children_seconds_of(postmaster);
    if (ended == server.ended_seconds) return server;
  }
}

void ProcessorTime::look(const std::vector<Part>& parts) {
  for (Server& server : servers_) {
    Server now = look_at(server.postmaster);
    count_ended(server, now);
    server = std::move(now);
  }
  for (const Part& part : parts) {
    const double used = processor_seconds_of(part.process);
    Counted& counted = counted_.try_emplace(part.process, Counted{part.name, 0, 0}).first->second;
    counted.now = std::max(counted.now, used);
  }
}

// Where several of them ended at once, the rest of all is one of the parts'.
void ProcessorTime::count_ended(const Server& before, const Server& now) {
  double rest = now.ended_seconds - before.ended_seconds;
  Counted* ended_part = nullptr;
  for (const auto& [child, seconds] : before.children) {
    if (now.children.contains(child)) continue;
    rest -= seconds;
    const auto counted = counted_.find(child);
    if (counted == counted_.end()) continue;
    ended_part = &counted->second;
    ended_part->now = seconds;
  }
  if (ended_part) ended_part->now += std::max(0.0, rest);
}

std::map<std::string, double> ProcessorTime::seconds() const {
  std::map<std::string, double> seconds;
  for (const auto& [process, counted] : counted_) seconds[counted.name] += counted.now - counted.before;
  return seconds;
}

}  // namespace tributary::test
