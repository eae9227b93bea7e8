#include "bench/tributary_way.h"

#include <thread>

namespace tributary::test {

TributaryWay::TributaryWay(Topology& topology) : Way(topology, "tributary", "tributary") {}

void TributaryWay::connect_tables() {
  std::vector<SentTable> sent;
  for (const PublishedTable& table : tables()) sent.push_back({.name = "public." + table.name, .where = table.where});
  for (int tier = kDistrict; tier < topology().top(); ++tier) topology().node(tier).edit().tables = sent;
  topology().tree().init();
}

// The parent listens before its child begins, as PostgreSQL does.
void TributaryWay::prepare_copy() {
  connect_tables();
  const int top = topology().top();
  start(top);
  Agent& parent = topology().node(top).agent();
  wait_until("the parent listens", [&] { return parent.status().intake().health() == status::OK; });
}

void TributaryWay::begin_copy() {
  for (int tier = topology().top(); tier >= kDistrict; --tier) start(tier);
}

bool TributaryWay::is_copied() {
  for (int tier = kDistrict; tier < topology().top(); ++tier) {
    if (!topology().node(tier).is_copied()) return false;
  }
  return true;
}

// The copy of what is in the tables is no part of a measurement.
void TributaryWay::resume() {
  for (int tier = topology().top(); tier >= kDistrict; --tier) start(tier);
  for (int tier = kDistrict; tier < topology().top(); ++tier) topology().node(tier).wait_until_streaming();
  for (int tier = kDistrict; tier < topology().top(); ++tier) topology().node(tier).wait_until_copied();
}

void TributaryWay::hold(Backlog backlog, Clock::time_point deadline) {
  wait_until_nothing_is_kept(deadline);
  backlog_ = backlog;
  // A parent that is not there is the link that is down: nothing stands in it, so nothing else can be cut.
  stop(backlog == Backlog::kLog ? kDistrict : kRegion);
}

void TributaryWay::wait_until_nothing_is_kept(Clock::time_point deadline) {
  Sql& district = sql(kDistrict);
  const std::string end = district.value("SELECT pg_current_wal_flush_lsn()");
  const auto is_past = [&] {
    expect_alive();
    district.exec("CHECKPOINT");
    return district.value(
               "SELECT bool_and(restart_lsn >= $1::pg_lsn) FROM pg_replication_slots"
               " WHERE database = current_database()",
               {end}) == "t";
  };
  wait_until("the district's slot keeps nothing", is_past, deadline);
}

void TributaryWay::settle(Clock::time_point deadline) {
  if (backlog_ == Backlog::kLog) return;
  wait_until_confirmed(deadline);
  // What the slot keeps moves on only with a snapshot in the log, which PostgreSQL writes every 15 s.
  wait_until_nothing_is_kept(deadline);
}

Clock::time_point TributaryWay::release(Clock::time_point deadline) {
  if (backlog_ == Backlog::kLog) {
    const auto began = Clock::now();
    start(kDistrict);
    return began;
  }
  // The district's agent tries again when its pause ends; that pause is not counted.
  start(kRegion);
  while (established_connections(topology().node(kRegion).intake_port()) == 0) {
    if (Clock::now() > deadline) throw std::runtime_error("the district's agent does not connect again");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return Clock::now();
}

void TributaryWay::rest() {
  for (int tier = kDistrict; tier <= topology().top(); ++tier) stop(tier);
}

std::vector<Part> TributaryWay::parts() {
  std::vector<Part> parts;
  for (const auto& [name, process] : agents()) parts.push_back({name, process});
  for (int tier = kDistrict; tier <= topology().top(); ++tier) {
    const std::string is_ours = "application_name LIKE 'tributary%' AND backend_type ";
    add_backends(parts, tier, "walsender", is_ours + "= 'walsender'");
    add_backends(parts, tier, "backends", is_ours + "<> 'walsender'");
  }
  return parts;
}

std::map<std::string, pid_t> TributaryWay::agents() {
  std::map<std::string, pid_t> agents;
  for (int tier = kDistrict; tier <= topology().top(); ++tier) {
    Agent& agent = topology().node(tier).agent();
    if (agent.is_running()) agents[tier_name(tier) + std::string(" agent")] = agent.pid();
  }
  return agents;
}

void TributaryWay::expect_alive() {
  for (const int tier : running_) {
    if (!topology().node(tier).agent().is_running())
      throw std::runtime_error("the agent of the " + std::string(tier_name(tier)) + " has ended");
  }
}

LinkEnd TributaryWay::link_end(int tier) {
  return {.server_port = topology().node(tier + 1).intake_port()};
}

void TributaryWay::start(int tier) {
  Agent& agent = topology().node(tier).agent();
  if (!agent.is_running()) agent.start();
  running_.insert(tier);
}

void TributaryWay::stop(int tier) {
  running_.erase(tier);
  Agent& agent = topology().node(tier).agent();
  if (agent.is_running()) agent.stop();
}

void TributaryWay::wait_until_confirmed(Clock::time_point deadline) {
  const std::string end = sql(kDistrict).value("SELECT pg_current_wal_flush_lsn()");
  const auto is_confirmed = [&] {
    expect_alive();
    return sql(kDistrict).value(
               "SELECT bool_and(confirmed_flush_lsn >= $1::pg_lsn) FROM pg_replication_slots"
               " WHERE database = current_database()",
               {end}) == "t";
  };
  wait_until("the district's queue has everything", is_confirmed, deadline);
}

}  // namespace tributary::test
