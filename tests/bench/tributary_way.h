// Agents, as an administrator sets them up: `tributary init`, TLS between them, Unix sockets to their databases.
#pragma once

#include <set>

#include "bench/way.h"

namespace tributary::test {

class TributaryWay : public Way {
 public:
  explicit TributaryWay(Topology& topology);

  void begin_copy() override;
  bool is_copied() override;
  void resume() override;
  void hold(Backlog backlog, Clock::time_point deadline) override;
  void settle(Clock::time_point deadline) override;
  Clock::time_point release(Clock::time_point deadline) override;
  void rest() override;
  std::vector<Part> parts() override;
  std::map<std::string, pid_t> agents() override;
  void expect_alive() override;
  LinkEnd link_end(int tier) override;
  LinkProxy& relay(int tier) override { return topology().node(tier).link(); }
  std::string logs() override { return topology().tree().logs(); }

 private:
  void connect_tables() override;
  void prepare_copy() override;
  void start(int tier);
  void stop(int tier);
  void wait_until_nothing_is_kept(Clock::time_point deadline);
  void wait_until_confirmed(Clock::time_point deadline);

  std::set<int> running_;  // tiers whose agents were started and not stopped
  Backlog backlog_ = Backlog::kLog;
};

}  // namespace tributary::test
