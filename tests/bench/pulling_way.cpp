#include "bench/pulling_way.h"

namespace tributary::test {

PullingWay::PullingWay(Topology& topology, const std::string& name, const std::string& database, std::string worker,
                       std::string sender)
    : Way(topology, name, database), worker_(std::move(worker)), sender_(std::move(sender)) {
  if (!topology.is_relayed()) return;
  for (int tier = kDistrict; tier < topology.top(); ++tier)
    relays_.push_back(std::make_unique<LinkProxy>(topology.cluster(tier).port()));
}

void PullingWay::resume() {
  for (int tier = kRegion; tier <= topology().top(); ++tier) enable(tier);
}

void PullingWay::hold(Backlog, Clock::time_point) {
  disable_and_wait(kRegion);
  advance_slot();
}

Clock::time_point PullingWay::release(Clock::time_point) {
  const auto began = Clock::now();
  enable(kRegion);
  return began;
}

void PullingWay::rest() {
  for (int tier = kRegion; tier <= topology().top(); ++tier) disable_and_wait(tier);
}

std::vector<Part> PullingWay::parts() {
  std::vector<Part> parts;
  for (int tier = kDistrict; tier <= topology().top(); ++tier) {
    if (tier < topology().top()) add_backends(parts, tier, "walsender", sender_);
    if (tier > kDistrict) add_backends(parts, tier, "apply worker", worker_);
  }
  return parts;
}

// A subscriber by itself would tell its position once in ten seconds.
void PullingWay::advance_slot() {
  sql(kDistrict).exec("CHECKPOINT");
  sql(kDistrict).exec(
      "SELECT pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn()) FROM pg_replication_slots"
      " WHERE database = current_database()");
}

LinkEnd PullingWay::link_end(int tier) {
  std::vector<uint16_t> walsenders;
  for (const Row& row : sql(tier).rows("SELECT client_port FROM pg_stat_activity"
                                       " WHERE datname = current_database() AND client_port > 0 AND (" +
                                       sender_ + ")"))
    walsenders.push_back(static_cast<uint16_t>(std::stoi(*row[0])));
  return {.server_port = topology().cluster(tier).port(), .client_ports = walsenders};
}

std::string PullingWay::source_conninfo(int tier) {
  // The last of two ports counts.
  const std::string relayed = topology().is_relayed() ? " port=" + std::to_string(relay(tier - 1).port()) : "";
  return conninfo(tier - 1) + relayed;
}

// Until the walsenders that serve `tier` have ended.
void PullingWay::disable_and_wait(int tier) {
  disable(tier);
  wait_until("the subscription of the " + std::string(tier_name(tier)) + " rests", [&] {
    return sql(tier - 1).number(
               "SELECT count(*) FROM pg_replication_slots"
               " WHERE active AND database = current_database()") == 0;
  });
}

}  // namespace tributary::test
