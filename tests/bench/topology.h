// The servers that all ways of replication share: one PostgreSQL cluster per tier, durable and of one size, and beside
// each the agent of its node. Every way has a database of its own in each of them.
#pragma once

#include "support/hierarchy.h"

namespace tributary::test {

struct TopologyOptions {
  int tiers = 2;
  bool has_tls = false;        // the servers have a certificate
  bool has_pglogical = false;  // and load pglogical
  bool is_relayed = false;     // links run through LinkProxies, so that they can be made slow; costs CPU
  std::map<std::string, std::string> settings = {};  // more of postgresql.conf
  std::string agent_config = {};                     // more TOML for every agent
};

constexpr int kDistrict = 0, kRegion = 1, kNation = 2;
const char* tier_name(int tier);

class Topology {
 public:
  explicit Topology(const TopologyOptions& options);

  int tiers() const { return options_.tiers; }
  int top() const { return options_.tiers - 1; }  // the last tier
  bool is_relayed() const { return options_.is_relayed; }
  Hierarchy& tree() { return tree_; }
  Node& node(int tier) { return tree_[tier_name(tier)]; }
  Cluster& cluster(int tier) { return node(tier).cluster(); }

 private:
  TopologyOptions options_;
  Hierarchy tree_;
};

}  // namespace tributary::test
