// PostgreSQL's own logical replication: publications and subscriptions, tier by tier.
#pragma once

#include "bench/pulling_way.h"

namespace tributary::test {

class NativeWay : public PullingWay {
 public:
  // "native": the defaults. "native-tls-sync": TLS, and each commit of the subscriber waits for its disk, which is
  // what tributary promises at each hop. With "-full" behind it: REPLICA IDENTITY FULL.
  NativeWay(Topology& topology, const std::string& name);

  void resume() override;
  void hold(Backlog, Clock::time_point) override;
  Clock::time_point release(Clock::time_point deadline) override;
  void rest() override;
  std::vector<Part> parts() override;

 private:
  void connect_tables() override;
  void publish(int tier);
  void subscribe(int tier);
  std::string subscription(int tier) const;
  void enable(int tier);
  void disable(int tier);

  bool is_durable_;
  bool has_full_identity_;
};

}  // namespace tributary::test
