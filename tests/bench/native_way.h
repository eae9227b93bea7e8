// PostgreSQL's own logical replication: publications and subscriptions, tier by tier.
#pragma once

#include "bench/pulling_way.h"

namespace tributary::test {

class NativeWay : public PullingWay {
 public:
  // "native": the defaults. "native-tls-sync": TLS, and each commit of the subscriber waits for its disk, which is
  // what tributary promises at each hop. With "-full" behind it: REPLICA IDENTITY FULL.
  NativeWay(Topology& topology, const std::string& name);

  void begin_copy() override;
  bool is_copied() override;

 private:
  void connect_tables() override;
  void prepare_copy() override;
  void publish(int tier);
  void subscribe(int tier, const std::string& options);
  std::string subscription(int tier) const;
  void enable(int tier) override;
  void disable(int tier) override;

  bool is_durable_;
  bool has_full_identity_;
};

}  // namespace tributary::test
