// What the peers have in common: a subscriber connects to the PostgreSQL of the tier below it.
#pragma once

#include "bench/way.h"

namespace tributary::test {

class PullingWay : public Way {
 public:
  PullingWay(Topology& topology, const std::string& name, const std::string& database);
  LinkEnd link_end(int tier) override;
  LinkProxy& relay(int tier) override { return *relays_.at(static_cast<size_t>(tier)); }

 protected:
  // Where the subscriber of `tier` finds its publisher.
  std::string source_conninfo(int tier);
  // The district's slot, which nobody reads, forgets the log.
  void advance_slot();
  // Until the walsenders that serve `tier` have ended.
  void wait_until_not_served(int tier);

 private:
  std::vector<std::unique_ptr<LinkProxy>> relays_;  // above each tier, in a topology that is relayed
};

}  // namespace tributary::test
