#include "flow/accept.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/system_error.hpp>
#include <deque>
#include <list>
#include <map>
#include <set>

#include "apply/lane.h"
#include "apply/paused_children.h"
#include "apply/walks.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/listen.h"
#include "base/retry.h"
#include "base/signal.h"
#include "base/turns.h"
#include "config/reload.h"
#include "flow/known_child.h"
#include "intake/session.h"
#include "monitor/words.h"
#include "wire/convert.h"
#include "wire/protocol.h"

namespace tributary {
namespace {

using asio::ip::tcp;

constexpr auto kRivalGone = std::chrono::minutes(1);
constexpr uint32_t kReplacementsMax = 3;  // of live sessions within that time; one agent does not come back so often
constexpr auto kOpenTime = std::chrono::seconds(20);   // for a turn at the database; the child waits a little longer
constexpr size_t kOrdersMax = 8;                       // pauses that wait for the database
constexpr size_t kGreetingsMax = 256;                  // connections that have not said who they are
constexpr auto kTiersPause = std::chrono::seconds(1);  // a child hears of the nodes above no more often

// How a session learns that it has to end, and what its child is told.
struct Ending {
  explicit Ending(const asio::any_io_executor& executor) : due(executor) {}
  void order(link::RefusalCode with, std::string why, std::string what_to_do) {
    code = with;
    message = std::move(why);
    hint = std::move(what_to_do);
    due.notify();
  }
  bool is_ordered() const { return code != link::REFUSAL_UNSPECIFIED; }

  Signal due;
  link::RefusalCode code = link::REFUSAL_UNSPECIFIED;
  std::string message;
  std::string hint;
};

// A child's live session, so that a second one can be judged.
struct LiveSession {
  Uuid instance;
  std::string address;
  std::shared_ptr<Ending> ending;
};

// A second agent with a node's name.
struct Rival {
  Clock::time_point seen{};
  uint32_t replacements = 0;  // of live sessions by ones with the same queue's identity, each soon after the other
};

// The batches that arrived and are not applied: how old the oldest change is.
class Waiting {
 public:
  void add(const Batch& batch) {
    if (batch.is_last_part) ends_.push_back({batch.to, batch.first_commit_time});
  }
  void take_applied(const Position& applied) { ends_.erase(ends_.begin(), ends_.begin() + ends_up_to(ends_, applied)); }
  double lag_seconds(int64_t now) const {  // `now`: microseconds since 2000-01-01
    if (ends_.empty() || ends_.front().first_commit_time == 0) return 0;
    return std::max(0.0, static_cast<double>(now - ends_.front().first_commit_time) / 1e6);
  }

 private:
  struct End {
    Position to;
    int64_t first_commit_time = 0;
  };
  std::deque<End> ends_;
};

std::string intake_connection(const Config& config) {
  return config.database.apply_connection.empty() ? config.database.connection : config.database.apply_connection;
}

class Intake {
 public:
  Intake(std::shared_ptr<const Config> config, StatusBoard& board, const IntakeState& state,
         const asio::any_io_executor& executor)
      : config_(std::move(config)),
        board_(board),
        state_(state),
        tls_(config_->tls, config_->node.name),
        pool_(intake_connection(*config_), "tributary " + config_->node.name + " apply",
              config_->intake->connections_max),
        doubt_(executor) {}

  // Another configuration: for every session from now on. Those whose children it concerns end.
  void take(std::shared_ptr<const Config> config) {
    const auto before = std::exchange(config_, std::move(config));
    try {
      tls_ = TlsContext(config_->tls, config_->node.name);
    } catch (const Error& error) {  // the files were changed again meanwhile
      spdlog::warn("intake: goes on with the certificates from before: {}", error.message());
    }
    pool_.resize(config_->intake->connections_max);
    for (const ChildConfig& child : before->intake->children)
      if (!is_listed(child.name)) cut_off(child.name);
    for (auto& [node, session] : live_)
      if (is_listed(node) && !is_same_for_child(*before->intake, *config_->intake, node))
        session.ending->order(link::REFUSAL_NOT_READY,
                              config_->node.name + " has a new configuration, which concerns " + node,
                              "it connects again by itself");
    for (const ChildConfig& child : config_->intake->children) {
      board_.child(child.name);
      // Also of one that was no child until now.
      if (const auto found = paused_.find(child.name); found != paused_.end()) take_pause(child.name, found->second);
    }
  }

  Task<> serve(tcp::socket socket) {
    std::unique_ptr<IntakeSession> session;
    std::shared_ptr<const Config> config;  // of this session to its end
    {
      ++greetings_;
      const std::shared_ptr<void> leave(nullptr, [this](void*) { --greetings_; });
      auto link = co_await Link::accept(std::move(socket), tls_, kConnectTimeout);
      const std::vector<std::string> names = link->peer_names();
      try {
        config = config_;
        session = co_await IntakeSession::greet(std::move(link), config->node.name, *config->intake);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::refused || !show_refusal(names, error)) throw;
        co_return;
      }
    }
    const std::string node = session->node();
    if (config != config_ && !is_same_for_child(*config->intake, *config_->intake, node)) {
      co_await session->refuse(link::REFUSAL_NOT_READY, config->node.name + " has just got a new configuration");
      co_return;
    }
    auto ending = std::make_shared<Ending>(co_await asio::this_coro::executor);
    if (const auto rival = live_.find(node); rival != live_.end()) {
      if (rival->second.instance != session->instance()) {
        const std::string words = "another agent named " + node + " is connected from " + rival->second.address +
                                  "; this one comes from " + session->peer_address();
        spdlog::warn("intake: {}", words);
        board_.set_notice(rival_subject(node), status::ATTENTION, words,
                          "stop one of the two; a node has one agent and one queue");
        rivals_[node].seen = Clock::now();
        co_await session->refuse(link::REFUSAL_DUPLICATE_NODE, words, "stop one of the two agents");
        co_return;
      }
      replace(node, rival->second, session->peer_address());
      live_.erase(rival);
    }
    live_[node] = LiveSession{session->instance(), session->peer_address(), ending};
    const std::shared_ptr<void> leave(nullptr, [&](void*) { on_session_end(node, ending); });
    co_await converse(*config, *session, *ending);
  }

  // False: the child is not connected.
  bool begin_walk(const std::string& node, const std::string& table, bool may_delete_extra) {
    const auto lane = lanes_.find(node);
    if (lane != lanes_.end()) lane->second->take_requested_walk(table, may_delete_extra);
    return lane != lanes_.end();
  }

  // What a child sent elsewhere may be at this node's parent already: what is not here of it only has not come.
  std::string awaited_child(const std::string& table) const {
    for (const ChildConfig& child : config_->intake->children) {
      const auto known = known_.find(child.name);
      if (known == known_.end() || !known->second.has_all_of(table)) return child.name;
    }
    return {};
  }

  bool has_room_for_greeting() const { return greetings_ < kGreetingsMax; }

  // --- pauses ---
  // Soon after the start, so that the status shows those of children that do not come, and where it is in doubt whether
  // one was written down. Never returns.
  Task<> learn_pauses() {
    const RetryLoop loop{.what = "intake", .report = {}};
    co_await loop.run([this]() -> Task<> {
      for (;;) {
        co_await know_pauses();
        co_await doubt_.wait();
      }
    });
  }
  Task<int64_t> paused_since(std::string node) {
    const auto turn = co_await take_turn();
    co_await load_pauses();
    const auto found = paused_.find(node);
    co_return found == paused_.end() ? 0 : found->second;
  }
  Task<int64_t> pause(std::string node) {
    const auto turn = co_await take_turn();
    co_await load_pauses();
    co_await write_down(store_paused, node);
    if (!paused_.contains(node)) take_pause(node, unix_milliseconds_now());
    co_return paused_[node];
  }
  Task<int64_t> resume(std::string node) {
    const auto turn = co_await take_turn();
    co_await load_pauses();
    co_await write_down(remove_paused, node);
    if (paused_.contains(node)) take_pause(node, 0);
    co_return 0;
  }

 private:
  bool is_listed(const std::string& node) const {
    return std::any_of(config_->intake->children.begin(), config_->intake->children.end(),
                       [&](const ChildConfig& child) { return child.name == node; });
  }

  // A child that is one no longer.
  void cut_off(const std::string& node) {
    if (const auto session = live_.find(node); session != live_.end())
      session->second.ending->order(link::REFUSAL_UNKNOWN_NODE,
                                    node + " is not a child of " + config_->node.name + " any more",
                                    "its [[child]] was taken out of the configuration of " + config_->node.name);
    spdlog::info("intake: {} is not a child any more", node);
    forget(node);
  }

  void forget(const std::string& node) {
    board_.forget_child(node);
    rivals_.erase(node);
    attentions_.erase(node);
    known_.erase(node);
    board_.clear_notice(pause_subject(node));
    state_.tiers.ladder.forget(node);
  }

  // So that the database and what is known here change in one order.
  Task<std::shared_ptr<void>> take_turn() {
    if (pause_turns_.waiting() >= kOrdersMax)
      throw Error(ErrorKind::resource, "the database has not answered what was ordered before",
                  "`tributary status` says why");
    return pause_turns_.take();
  }

  // Where the answer is lost, nobody knows whether it was done.
  Task<> write_down(Task<> (*write)(Connection&, std::string), std::string node) {
    auto lease = co_await pool_.acquire();
    bool is_done = false;
    const std::shared_ptr<void> leave(nullptr, [&](void*) {
      if (is_done) return;
      are_pauses_known_ = false;
      doubt_.notify();
    });
    co_await write(*lease, std::move(node));
    is_done = true;
    lease.give_back();
  }

  Task<> know_pauses() {
    if (are_pauses_known_) co_return;
    const auto turn = co_await pause_turns_.take();
    co_await load_pauses();
  }

  // From then on what is known here is what the database has. At one's turn.
  Task<> load_pauses() {
    if (are_pauses_known_) co_return;
    auto lease = co_await pool_.acquire();
    const std::map<std::string, int64_t> paused = co_await read_paused(*lease);
    lease.give_back();
    are_pauses_known_ = true;
    const auto since = [](const std::map<std::string, int64_t>& all, const std::string& child) {
      const auto found = all.find(child);
      return found == all.end() ? 0 : found->second;
    };
    const auto before = std::exchange(paused_, paused);
    for (const ChildConfig& child : config_->intake->children)
      if (since(paused, child.name) != since(before, child.name)) take_pause(child.name, since(paused, child.name));
  }

  // `since` 0: not paused any more.
  void take_pause(const std::string& node, int64_t since) {
    auto& child = board_.child(node);
    child.set_paused_since(since);
    if (since == 0) {
      paused_.erase(node);
      memories_[node].pause.reset();
      board_.clear_notice(pause_subject(node));
      spdlog::info("intake: {} is not paused any more", node);
    } else {
      paused_[node] = since;
      LaneHold pause;
      pause.reason = "paused since " + time_in_words(since, unix_milliseconds_now()) + "; what it sends is not applied";
      pause.hint = "to go on: tributary resume " + node;
      pause.since = since;
      pause.is_pause = true;
      board_.set_notice(pause_subject(node), status::ATTENTION, pause.reason, pause.hint);
      spdlog::info("intake: {} is paused", node);
      memories_[node].pause = std::move(pause);
    }
    if (const auto lane = lanes_.find(node); lane != lanes_.end()) lane->second->take_pause();
  }

  static std::string pause_subject(const std::string& node) { return "child " + node + ", paused"; }

  // A refusal of one of our children stands beside that child. False: its certificate names none of them.
  bool show_refusal(const std::vector<std::string>& names, const Error& error) {
    for (const ChildConfig& child : config_->intake->children) {
      if (std::find(names.begin(), names.end(), child.name) == names.end()) continue;
      spdlog::warn("intake: {} ({})", error.message(), error.hint());
      board_.set_notice("child " + child.name, status::ATTENTION, error.message(), error.hint());
      if (!live_.contains(child.name)) board_.child(child.name).set_message(error.message());
      return true;
    }
    return false;
  }

  static std::string rival_subject(const std::string& node) { return "child " + node + ", second agent"; }

  // An agent that comes back gives no sign of it when its old session is still thought alive; two agents with copies of
  // one queue do the same again and again.
  void replace(const std::string& node, LiveSession& old, const std::string& by) {
    Rival& rival = rivals_[node];
    if (Clock::now() - rival.seen >= kRivalGone) rival.replacements = 0;
    rival.seen = Clock::now();
    if (++rival.replacements >= kReplacementsMax) {
      const std::string words = "sessions of " + node + " from " + old.address + " and " + by +
                                " replace each other: a copy of its queue is in use";
      spdlog::warn("intake: {}", words);
      board_.set_notice(rival_subject(node), status::ATTENTION, words,
                        "stop one of the two agents; a node has one agent and one queue");
    }
    old.ending->order(link::REFUSAL_REPLACED, "a newer session of " + node + " from " + by + " took over",
                      "if it happens again and again, an agent there has a copy of this node's queue: stop one of "
                      "the two");
  }

  // Its agent tries again within seconds for as long as it runs.
  void forget_rival(const std::string& node) {
    const auto rival = rivals_.find(node);
    if (rival == rivals_.end() || Clock::now() - rival->second.seen < kRivalGone) return;
    board_.clear_notice(rival_subject(node));
    rivals_.erase(rival);
  }

  void on_session_end(const std::string& node, const std::shared_ptr<Ending>& ending) {
    const auto mine = live_.find(node);
    if (mine == live_.end() || mine->second.ending != ending) return;
    live_.erase(mine);
    if (!is_listed(node)) return forget(node);
    auto& child = board_.child(node);
    child.set_state("offline");
    child.set_health(status::OFFLINE);
    child.set_connected_since(0);
    child.set_offline_since(unix_milliseconds_now());
  }

  // `config` lives as long as the session.
  Task<> converse(const Config& config, IntakeSession& session, Ending& ending) {
    const std::string node = session.node();
    const IntakeConfig& intake = *config.intake;
    const ChildConfig& child = *std::find_if(intake.children.begin(), intake.children.end(),
                                             [&](const ChildConfig& listed) { return listed.name == node; });
    auto& status = board_.child(node);
    Lane lane({child, intake.tables, intake.children.size() == 1, intake.deletions_max, config.parent.has_value()},
              pool_, memories_[node]);
    lanes_[node] = &lane;
    const std::shared_ptr<void> leave(nullptr, [&](void*) {
      if (const auto mine = lanes_.find(node); mine != lanes_.end() && mine->second == &lane) lanes_.erase(mine);
    });
    std::optional<Error> failure;
    Want state;
    bool is_open = false;
    try {
      co_await until_one_ends(open(lane, state, is_open), ending.due.wait(), sleep_for(kOpenTime));
    } catch (const Error& error) {
      failure = error;
    }
    if (ending.is_ordered()) co_return co_await session.refuse(ending.code, ending.message, ending.hint);
    if (!failure && !is_open) {
      co_await session.refuse(link::REFUSAL_NOT_READY,
                              "all of " + config.node.name + "'s database connections are in use",
                              "it is tried again by itself; [intake] connections sets how many there are");
      co_return;
    }
    if (failure) {
      status.set_message(failure->message());
      board_.set_notice("intake", status::OFFLINE, "children wait: " + failure->message(), failure->hint());
      co_await session.refuse(link::REFUSAL_NOT_READY, config.node.name + "'s database is not ready", failure->hint());
      co_return;
    }
    board_.clear_notice("intake");
    board_.clear_notice("child " + node);
    const Position applied = state.at;
    known_[node] = {session.tables(), session.head(), applied, applied};
    note_applied(node, applied);
    Tiers tiers = state_.tiers.ladder.of(node, applied.stream);
    co_await session.welcome(config.node.name, std::move(state), tiers);
    status.set_state("connected");
    status.set_health(status::OK);
    status.clear_message();
    status.set_address(session.peer_address());
    status.set_connected_since(unix_milliseconds_now());
    status.set_offline_since(0);
    status.set_applied_position(applied.to_string());
    spdlog::info("intake: {} connected from {}, applied {}", node, session.peer_address(), applied.to_string());

    Signal progress(co_await asio::this_coro::executor), tier_news(co_await asio::this_coro::executor);
    auto& sessions = state_.tiers.sessions;
    sessions[node] = &tier_news;
    const std::shared_ptr<void> forget(nullptr, [&](void*) {
      if (const auto mine = sessions.find(node); mine != sessions.end() && mine->second == &tier_news)
        sessions.erase(mine);
    });
    LaneReport report;
    report.applied = applied;
    LaneReport acknowledged = report;  // as the child was told last
    Waiting waiting;
    const auto on_progress = [&](const LaneReport& news) {
      report = news;
      waiting.take_applied(report.applied);
      note_applied(node, report.applied);
      show(node, report);
      progress.notify();
    };
    try {
      co_await until_one_ends(closing(session, receive(session, lane, waiting)),
                              closing(session, lane.run(on_progress)),
                              closing(session, acknowledge(session, lane, report, acknowledged, progress)),
                              closing(session, tell_tiers(session, std::move(tiers), acknowledged, tier_news)),
                              closing(session, session.keep_alive()), show_lag(status, waiting), ending.due.wait());
    } catch (const Error& error) {
      failure = error;
    }
    if (failure) {
      spdlog::log(failure->kind() == ErrorKind::connection ? spdlog::level::info : spdlog::level::warn,
                  "intake: session with {} ended: {}", node, failure->message());
      status.set_message(failure->message());
      if (failure->kind() == ErrorKind::protocol) {
        board_.set_notice("child " + node, status::ATTENTION, failure->message(), failure->hint());
        co_await session.refuse(link::REFUSAL_PROTOCOL, failure->message(), failure->hint());
      }
      co_return;
    }
    co_await session.refuse(ending.code, ending.message, ending.hint);
  }

  // One of the session's tasks. Cancellation alone does not reach every wait inside TLS: the first task to fail takes
  // the link away from the others, unless the child has still to be told why.
  static Task<> closing(IntakeSession& session, Task<> task) {
    try {
      co_await std::move(task);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::protocol) session.close();
      throw;
    }
  }

  Task<> open(Lane& lane, Want& state, bool& is_open) {
    co_await know_pauses();
    state = co_await lane.open();
    is_open = true;
  }

  static Task<> show_lag(status::Child& status, const Waiting& waiting) {
    for (;;) {
      status.set_lag_seconds(waiting.lag_seconds(postgres_microseconds_now()));
      co_await sleep_for(std::chrono::seconds(1));
    }
  }

  Task<> receive(IntakeSession& session, Lane& lane, Waiting& waiting) {
    for (;;) {
      auto inbound = co_await session.receive();
      if (auto* batch = std::get_if<Batch>(&inbound)) {
        waiting.add(*batch);
        lane.push(std::move(*batch));
      } else if (auto* relation = std::get_if<Relation>(&inbound)) {
        add(lane, std::move(*relation));
      } else {
        board_.store_report(session.node(), std::move(std::get<status::NodeStatus>(inbound)));
      }
      forget_rival(session.node());
    }
  }

  static void add(Lane& lane, Relation relation) {
    const uint64_t shape_id = relation.shape_id();
    lane.add_relation(shape_id, std::move(relation));
  }

  // Tells the child what is committed, and why it is held; commits that follow closely become one acknowledgement. What
  // it is to hear of its tables up to there comes first, so the position is none that is reached while that is sent.
  Task<> acknowledge(IntakeSession& session, Lane& lane, const LaneReport& report, LaneReport& acknowledged,
                     Signal& progress) {
    auto last_said = Clock::now() - kAckPause;
    bool was_held = false;
    for (;;) {
      co_await progress.wait();
      const auto may_wait = [&] {
        return Clock::now() < last_said + kAckPause && !report.hold && !was_held && !lane.has_wants() &&
               !session.is_much(report.applied, report.consumed_bytes);
      };
      while (may_wait()) co_await progress.wait_for(last_said + kAckPause - Clock::now());
      failpoint("before_ack");
      const LaneReport now = report;
      for (Want& want : lane.take_wants()) co_await session.want(std::move(want));
      last_said = Clock::now();
      was_held = now.hold.has_value();
      acknowledged = now;
      co_await session.acknowledge(now.applied, now.consumed_bytes, hold_of(now));
    }
  }

  void note_applied(const std::string& node, const Position& applied) {
    state_.tiers.ladder.applied(node, applied);
    state_.tiers.news.notify();
  }

  // How far the nodes above have the child's stream, when it is something new. Beside it the position that was
  // acknowledged last: of a later one the child has perhaps not heard yet what comes before it.
  Task<> tell_tiers(IntakeSession& session, Tiers said, const LaneReport& acknowledged, Signal& news) {
    for (;;) {
      Tiers tiers = state_.tiers.ladder.of(session.node(), acknowledged.applied.stream);
      if (tiers == said) {
        co_await news.wait();
        continue;
      }
      said = tiers;
      co_await session.acknowledge(acknowledged.applied, acknowledged.consumed_bytes, hold_of(acknowledged),
                                   std::move(tiers));
      co_await sleep_for(kTiersPause);
    }
  }

  static std::optional<link::Hold> hold_of(const LaneReport& report) {
    if (!report.hold) return std::nullopt;
    link::Hold hold;
    hold.set_reason(report.hold->reason);
    hold.set_hint(report.hold->hint);
    hold.set_sqlstate(report.hold->sqlstate);
    hold.set_since(report.hold->since);
    hold.set_is_pause(report.hold->is_pause);
    return hold;
  }

  void show(const std::string& node, const LaneReport& report) {
    if (!is_listed(node)) return;
    auto& status = board_.child(node);
    status.set_applied_position(report.applied.to_string());
    status.set_transactions(report.transactions);
    status.set_changes(report.changes);
    status.set_deletes_not_owned(report.deletes_left_out);
    if (const auto known = known_.find(node); known != known_.end()) {
      known->second.applied = report.applied;
      known->second.settled = report.settled;
    }
    if (report.hold && report.hold->is_pause) {
      status.set_state("paused");
      status.set_health(status::ATTENTION);
      status.set_message(report.hold->reason);
      board_.clear_notice("child " + node);
    } else if (report.hold) {
      const auto health = report.hold->waiting ? status::OFFLINE : status::HELD;
      if (status.message() != report.hold->reason) spdlog::warn("apply: {} is held: {}", node, report.hold->reason);
      status.set_state(report.hold->waiting ? "waiting" : "held");
      status.set_health(health);
      status.set_message(report.hold->reason);
      board_.set_notice("child " + node, health, report.hold->reason, report.hold->hint);
    } else if (status.health() != status::OK) {
      status.set_state("connected");
      status.set_health(status::OK);
      status.clear_message();
      board_.clear_notice("child " + node);
      spdlog::info("apply: {} goes on", node);
    }
    show_attentions(node, report.attentions);
  }

  void show_attentions(const std::string& node, const std::vector<TableAttention>& attentions) {
    std::set<std::string> subjects;
    for (const TableAttention& attention : attentions) {
      const std::string subject = "child " + node + ", table " + attention.table;
      board_.set_notice(subject, status::ATTENTION, attention.message, attention.hint);
      subjects.insert(subject);
    }
    for (const std::string& subject : attentions_[node])
      if (!subjects.contains(subject)) board_.clear_notice(subject);
    attentions_[node] = std::move(subjects);
  }

  std::shared_ptr<const Config> config_;  // in force; a session goes on with the one that it began with
  StatusBoard& board_;
  IntakeState state_;
  TlsContext tls_;
  ConnectionPool pool_;
  bool are_pauses_known_ = false;
  std::map<std::string, int64_t> paused_;  // since when; also of those that are no children here
  Turns pause_turns_;
  Signal doubt_;  // whether they are known
  std::map<std::string, LiveSession> live_;
  std::map<std::string, Rival> rivals_;
  std::map<std::string, LaneMemory> memories_;
  std::map<std::string, Lane*> lanes_;                       // of live sessions
  std::map<std::string, std::set<std::string>> attentions_;  // subjects of notices about tables, by child
  std::map<std::string, KnownChild> known_;
  size_t greetings_ = 0;
};

// Sessions in flight, and what people ordered: cancelled and waited for when the corridor ends.
class Sessions {
 public:
  explicit Sessions(const asio::any_io_executor& executor) : executor_(executor), ended_(executor) {}

  void start(Task<> session) {
    sessions_.emplace_back();
    auto place = std::prev(sessions_.end());
    asio::co_spawn(executor_, std::move(session),
                   asio::bind_cancellation_slot(place->slot(), [this, place](std::exception_ptr) {
                     sessions_.erase(place);
                     ended_.notify();
                   }));
  }

  Task<> end_all() {
    for (auto& session : sessions_) session.emit(asio::cancellation_type::terminal);
    while (!sessions_.empty()) co_await ended_.wait();
  }

 private:
  asio::any_io_executor executor_;
  std::list<asio::cancellation_signal> sessions_;
  Signal ended_;
};

// What a person ordered goes on to its end when the connection is gone by which it came: then what is written down is
// also in force.
class Order {
 public:
  static Task<int64_t> carry_out(Sessions& sessions, Task<int64_t> task) {
    const auto order = std::make_shared<Order>(co_await asio::this_coro::executor);
    sessions.start(run(order, std::move(task)));
    co_await order->done_.wait();
    if (order->failure_) std::rethrow_exception(order->failure_);
    co_return order->result_;
  }
  explicit Order(const asio::any_io_executor& executor) : done_(executor) {}

 private:
  static Task<> run(std::shared_ptr<Order> order, Task<int64_t> task) {
    try {
      order->result_ = co_await std::move(task);
    } catch (const Error&) {
      order->failure_ = std::current_exception();
    } catch (const boost::system::system_error&) {  // cancelled
      order->failure_ = std::make_exception_ptr(
          Error(ErrorKind::resource, "the intake ended meanwhile", "`tributary status` says why; then say it again"));
    }
    order->done_.notify();
  }

  Signal done_;
  int64_t result_ = 0;
  std::exception_ptr failure_;
};

// A session's own failures end the session, never the intake.
Task<> serve_quietly(Intake& intake, tcp::socket socket, StatusBoard& board) {
  boost::system::error_code ignored;
  const auto address = socket.remote_endpoint(ignored).address().to_string();
  try {
    co_await intake.serve(std::move(socket));
  } catch (const Error& error) {
    spdlog::warn("intake: connection from {} ended: {}{}", address, error.message(),
                 error.hint().empty() ? "" : " (" + error.hint() + ")");
    if (error.kind() == ErrorKind::refused || error.kind() == ErrorKind::setup)
      board.set_notice("intake", status::ATTENTION, error.message(), error.hint());
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted)
      spdlog::info("intake: connection from {} ended: {}", address, error.code().message());
  }
}

Task<> accept_connections(tcp::acceptor acceptor, Intake& intake, Sessions& sessions, StatusBoard& board) {
  for (;;) {
    auto [failure, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (failure == asio::error::operation_aborted) throw boost::system::system_error(failure);
    if (failure) {
      // Out of file descriptors, above all: the connections there are go on.
      spdlog::warn("intake: cannot accept a connection: {}", failure.message());
      co_await sleep_for(std::chrono::seconds(1));
      continue;
    }
    if (intake.has_room_for_greeting()) sessions.start(serve_quietly(intake, std::move(socket), board));
  }
}

Task<> take_reloads(const std::shared_ptr<const Config>& in_force, Signal& reloaded, Intake& intake) {
  for (;;) {
    co_await reloaded.wait();
    intake.take(in_force);
  }
}

}  // namespace

Task<ResyncAnswer> resync_child(const Config& config, const ChildWalks& walks, std::string child, std::string table,
                                bool may_delete_extra) {
  if (!config.intake) co_return ResyncAnswer{false, "this node takes no children"};
  const bool is_listed = std::any_of(config.intake->children.begin(), config.intake->children.end(),
                                     [&](const ChildConfig& listed) { return listed.name == child; });
  if (!is_listed) co_return ResyncAnswer{false, child + " is no child of " + config.node.name};
  std::string failure;
  bool is_known = false;
  try {
    const auto connection = co_await Connection::open(intake_connection(config), Purpose::session,
                                                      "tributary " + config.node.name + " resync");
    is_known = co_await request_walk(*connection, child, table, may_delete_extra);
  } catch (const Error& error) {
    failure = error.message();
  }
  if (!failure.empty())
    co_return ResyncAnswer{false, "nothing was begun, because it cannot be written down: " + failure};
  if (!is_known) co_return ResyncAnswer{false, "child " + child + " has sent nothing of table " + table};
  if (walks.begin(child, table, may_delete_extra))
    co_return ResyncAnswer{true, "child " + child + " refreshes table " + table};
  co_return ResyncAnswer{true, "child " + child + " is not connected; it refreshes table " + table +
                                   " when it is, also if this agent is restarted before"};
}

Task<> accept_children(const std::shared_ptr<const Config>& in_force, Signal& reloaded, StatusBoard& board,
                       IntakeState state) {
  auto executor = co_await asio::this_coro::executor;
  const std::string listen = in_force->intake->listen;
  board.intake().set_listen(listen);
  for (const ChildConfig& child : in_force->intake->children) board.child(child.name);
  reloaded.forget();
  Intake intake(in_force, board, state, executor);
  tcp::acceptor acceptor = listen_on(executor, listen, "intake", "[intake] listen");
  state.walks.set([&](const std::string& child, const std::string& table,
                      bool may_delete_extra) { return intake.begin_walk(child, table, may_delete_extra); },
                  [&](const std::string& table) { return intake.awaited_child(table); });
  Sessions sessions(executor);
  state.pauses.set([&](std::string child) { return Order::carry_out(sessions, intake.paused_since(std::move(child))); },
                   [&](std::string child) { return Order::carry_out(sessions, intake.pause(std::move(child))); },
                   [&](std::string child) { return Order::carry_out(sessions, intake.resume(std::move(child))); });
  const std::shared_ptr<void> forget(nullptr, [&](void*) {
    state.walks.set({}, {});
    state.pauses.set({}, {}, {});
  });
  board.intake().set_health(status::OK);
  board.intake().clear_message();
  board.clear_notice("intake");
  spdlog::info("intake: listening on {}", listen);
  std::exception_ptr end;
  try {
    co_await until_one_ends(accept_connections(std::move(acceptor), intake, sessions, board),
                            take_reloads(in_force, reloaded, intake), intake.learn_pauses());
  } catch (...) {
    end = std::current_exception();
  }
  // The sessions hold references to what lives here: they end first.
  co_await asio::this_coro::throw_if_cancelled(false);
  state.pauses.set({}, {}, {});
  co_await sessions.end_all();
  std::rethrow_exception(end);
}

}  // namespace tributary
