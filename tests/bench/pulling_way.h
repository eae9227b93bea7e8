// What the peers have in common: a subscriber connects to the PostgreSQL of the tier below it.
#pragma once

#include "bench/way.h"

namespace tributary::test {

class PullingWay : public Way {
 public:
  // `worker`: what applies at a subscriber, as a condition on pg_stat_activity; `sender`: what serves it below.
  PullingWay(Topology& topology, const std::string& name, const std::string& database, std::string worker,
             std::string sender = "backend_type = 'walsender'");
  void resume() override;
  void hold(Backlog, Clock::time_point) override;
  Clock::time_point release(Clock::time_point) override;
  void rest() override;
  std::vector<Part> parts() override;
  LinkEnd link_end(int tier) override;
  LinkProxy& relay(int tier) override { return *relays_.at(static_cast<size_t>(tier)); }

 protected:
  // Where the subscriber of `tier` finds its publisher.
  std::string source_conninfo(int tier);
  virtual void enable(int tier) = 0;  // the subscription of `tier`
  virtual void disable(int tier) = 0;
  void disable_and_wait(int tier);

 private:
  // The district's slot, which nobody reads, forgets the log.
  void advance_slot();

  std::string worker_;
  std::string sender_;
  std::vector<std::unique_ptr<LinkProxy>> relays_;  // above each tier, in a topology that is relayed
};

}  // namespace tributary::test
