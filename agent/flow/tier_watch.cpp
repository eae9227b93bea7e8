#include "flow/tier_watch.h"

#include "base/clock.h"
#include "flow/settled.h"
#include "postgres/connection.h"

namespace tributary {
namespace {

constexpr auto kLookInterval = std::chrono::seconds(1);
constexpr auto kPause = std::chrono::milliseconds(20);
constexpr auto kLogPause = std::chrono::milliseconds(250);

// Everything that was committed before is before it, and on the disk.
Task<Lsn> end_of_log(Connection& session) {
  const Result end = co_await session.query("SELECT pg_current_wal_flush_lsn()");
  co_return Lsn::parse(end.value(0, 0));
}

void show(const TierState& tiers, status::Uplink& uplink) {
  const int64_t now = unix_milliseconds_now();
  uplink.clear_tiers();
  for (const TierPosition& tier : tiers.above.tiers().above) {
    status::Tier& shown = *uplink.add_tiers();
    shown.set_node(tier.node);
    if (!tier.seq) continue;
    shown.set_applied_position(tiers.above.stream().to_string().substr(0, 8) + "/" + std::to_string(*tier.seq));
    shown.set_seconds_behind(tiers.progress.seconds_behind(*tier.seq, now));
  }
}

}  // namespace

Task<> watch_tiers(const std::shared_ptr<const Config>& in_force, TierState& tiers, RefreshState& refresh,
                   const Pauses& pauses, StatusBoard& board) {
  std::unique_ptr<Connection> session;
  Clock::time_point next_question{};
  for (;;) {
    const std::shared_ptr<const Config> snapshot = in_force;
    const Config& config = *snapshot;
    const bool has_question = config.parent && config.intake && tiers.ladder.has_moved();
    const auto wait = has_question ? std::max<Clock::duration>(next_question - Clock::now(), kPause) : kLookInterval;
    co_await tiers.news.wait_for(std::min<Clock::duration>(wait, kLookInterval));
    if (config.parent && tiers.ladder.has_moved() && Clock::now() >= next_question) {
      if (!session)
        session = co_await Connection::open(config.database.connection, Purpose::session,
                                            "tributary " + config.node.name + " tiers");
      Ladder::Positions moved = tiers.ladder.moved();
      const Lsn end = co_await end_of_log(*session);
      tiers.ladder.add(end, std::move(moved));
      next_question = Clock::now() + kLogPause;
    }
    Tiers above;
    above.is_complete = true;
    if (config.parent) {
      const ParentView& parent = refresh.parent();
      if (!parent.at().is_nil())
        tiers.above.at_parent(config.parent->name, parent.at(),
                              !find_unsettled(config, refresh, pauses, tiers.progress).is_any());
      above = tiers.above.tiers();
      show(tiers, board.uplink());
    }
    for (const std::string& child : tiers.ladder.advance(tiers.progress, above))
      if (const auto told = tiers.sessions.find(child); told != tiers.sessions.end()) told->second->notify();
    co_await sleep_for(kPause);
  }
}

}  // namespace tributary
