#include "apply/lane.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <chrono>

#include "apply/fence.h"
#include "base/clock.h"

namespace tributary {
namespace {

// One PostgreSQL transaction's worth: enough that its fixed costs vanish, little enough to bound memory and locks.
constexpr uint64_t kGroupChangesMax = 60'000;
constexpr uint64_t kGroupBytesMax = 16ULL << 20;

constexpr auto kRetryFirst = std::chrono::seconds(1);
constexpr auto kRetryMax = std::chrono::seconds(15);
constexpr auto kLookPause = std::chrono::seconds(5);
// Each try of a large transaction sends it whole over the child's link.
constexpr auto kLargeRetryMax = std::chrono::minutes(5);

bool is_part(const Batch& batch) {
  return batch.part > 0 || !batch.is_last_part;
}

bool is_groupable(const Batch& batch) {
  return batch.kind == BatchKind::changes && !is_part(batch);
}

Error parts_lost() {
  return Error(ErrorKind::connection, "the parts of a large transaction have to be sent again");
}

}  // namespace

Clock::duration pause_after_refusals(uint32_t refusals) {
  Clock::duration pause = kRetryMax;
  for (; refusals > 1 && pause < kLargeRetryMax; --refusals) pause *= 2;
  return std::min<Clock::duration>(pause, kLargeRetryMax);
}

Lane::Lane(ChildRights rights, ConnectionPool& pool, LaneMemory& memory)
    : rights_(std::move(rights)), pool_(pool), memory_(memory), applier_(rights_, memory.unlimited_tables) {}

Task<Want> Lane::open() {
  auto lease = co_await pool_.acquire();
  const auto applied = co_await read_applied(*lease, rights_.child.name);
  Want state = co_await applier_.read_walks(*lease, applied.value_or(Position{}));
  lease.give_back();
  state.answers_inspections = true;
  for (const auto& [table, may_delete_extra] : applier_.requested_walks())
    memory_.requested_walks[table] |= may_delete_extra;
  report_.applied = state.at;
  report_.hold = memory_.hold;
  pushed_position_ = report_.applied;
  is_applied_known_ = true;
  co_return state;
}

void Lane::add_relation(uint64_t shape_id, Relation relation) {
  applier_.add_relation(shape_id, std::move(relation));
}

void Lane::push(Batch batch) {
  // After a person took the position away, the child's new stream still names the one it broke off from.
  const bool is_taken_up = batch.kind == BatchKind::new_stream && pushed_position_.is_nil() && next_part_ == 0;
  const bool is_in_turn = batch.part == next_part_ && (batch.kind == BatchKind::changes || !is_part(batch)) &&
                          (batch.is_last_part || batch.to == batch.from);
  if (!is_in_turn || (batch.from != pushed_position_ && !is_taken_up))
    throw Error(ErrorKind::protocol, "a batch after " + batch.from.to_string() +
                                         " does not follow the one before, which ends at " +
                                         pushed_position_.to_string());
  next_part_ = batch.is_last_part ? 0 : next_part_ + 1;
  pushed_position_ = batch.to;
  pending_.push_back(std::move(batch));
  if (wake_) wake_->cancel();
}

Task<> Lane::run(std::function<void(const LaneReport&)> on_report) {
  on_report_ = std::move(on_report);
  wake_.emplace(co_await asio::this_coro::executor);
  Backoff backoff(kRetryFirst, kRetryMax, static_cast<uint64_t>(unix_milliseconds_now()));
  for (;;) {
    report();
    co_await wait_for_work();
    if (memory_.pause) {
      co_await wait_while_paused();
      continue;
    }
    std::optional<Error> failure;
    try {
      co_await attempt();
    } catch (const Error& error) {
      const bool may_pass = error.kind() == ErrorKind::connection || error.kind() == ErrorKind::resource ||
                            error.kind() == ErrorKind::setup;
      if (!may_pass) throw;
      if (are_parts_open_) throw parts_lost();
      failure = error;
    }
    if (failure) {
      // A COMMIT may have worked although its answer was lost.
      is_applied_known_ = false;
      hold({failure->message(), failure->hint(), failure->sqlstate()}, failure->kind() != ErrorKind::setup);
    }
    report();
    if (report_.hold)
      co_await sleep_for(backoff.next());
    else
      backoff.reset();
  }
}

Task<> Lane::wait_while_paused() {
  report_.hold = memory_.pause;
  report();
  while (memory_.pause) {
    wake_->expires_at(Clock::time_point::max());
    co_await wake_->async_wait(asio::as_tuple(asio::use_awaitable));
  }
  report_.hold = memory_.hold;
}

void Lane::take_pause() {
  if (wake_) wake_->cancel();
}

Task<> Lane::wait_for_batch() {
  while (pending_.empty() && !memory_.pause) {
    wake_->expires_at(Clock::time_point::max());
    co_await wake_->async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

// Or until it is time to look at tables that cannot be written, or whether the database is back.
Task<> Lane::wait_for_work() {
  const bool is_to_look = has_trouble_ || (report_.hold && report_.hold->waiting);
  const auto until = is_to_look ? Clock::now() + kLookPause : Clock::time_point::max();
  while (is_ownership_known_ && pending_.empty() && memory_.requested_walks.empty() && !memory_.pause &&
         Clock::now() < until) {
    wake_->expires_at(until);
    co_await wake_->async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void Lane::take_requested_walk(const std::string& table, bool may_delete_extra) {
  memory_.requested_walks[table] |= may_delete_extra;
  if (wake_) wake_->cancel();
}

Task<> Lane::begin_walks(Connection& connection) {
  const std::map<std::string, bool> requested = memory_.requested_walks;
  if (requested.empty()) co_return;
  Want want = co_await applier_.begin_walks(connection, report_.applied, requested);
  // One that was asked for meanwhile waits for the next turn.
  std::erase_if(memory_.requested_walks, [&](const auto& walk) {
    const auto done = requested.find(walk.first);
    return done != requested.end() && done->second == walk.second;
  });
  tell(std::move(want));
}

Task<> Lane::attempt() {
  // Many lanes may wait: what each keeps meanwhile is what arrived, not what it unpacked.
  if (!pool_.has_free()) applier_.drop_prepared();
  auto lease = co_await pool_.acquire();
  if (!is_applied_known_ || report_.hold) {
    applier_.forget_walks();
    const auto applied = co_await read_applied(*lease, rights_.child.name);
    const Position now = applied.value_or(Position{});
    // Before the position is reported: it is acknowledged after what is to be told of it.
    if (applier_.has_news()) tell(co_await applier_.read_news(*lease, now));
    take_applied(now);
    is_applied_known_ = true;
  }
  if (!is_ownership_known_) {
    tell(co_await applier_.look_at_ownership(*lease, report_.applied));
    is_ownership_known_ = true;
  }
  co_await begin_walks(*lease);
  if (!pending_.empty()) {
    if (is_part(pending_.front())) {
      co_await apply_parts(std::move(lease));
      co_return;
    }
    Outcome outcome;
    if (pending_.front().kind == BatchKind::new_stream)
      outcome = co_await applier_.begin_stream(*lease, pending_.front());
    else
      outcome = co_await apply_group(*lease);
    settle(outcome);
  } else {
    report_.hold = memory_.hold;
    if (has_trouble_) tell(co_await applier_.look_at_tables(*lease, report_.applied));
  }
  lease.give_back();
}

// While PostgreSQL writes one group, the next is prepared from what has arrived.
Task<Outcome> Lane::apply_group(Connection& connection) {
  std::vector<const Batch*> batches;
  for (size_t i = 0; i < group_end(0); ++i) batches.push_back(&pending_[i]);
  const size_t count = batches.size();
  const Position end = batches.back()->to;
  Outcome outcome;
  const auto write = [&]() -> Task<> {
    outcome = co_await applier_.apply(connection, report_.applied, std::move(batches));
  };
  // While held, what waits behind is not looked at.
  if (report_.hold)
    co_await write();
  else
    co_await until_one_ends(write(), prepare_after(count, end));
  co_return outcome;
}

Task<> Lane::prepare_after(size_t begin, Position end) {
  const auto executor = co_await asio::this_coro::executor;
  for (bool is_possible = true;;) {
    // What else is ready has its turn between two steps, the group that is being written above all.
    co_await asio::post(executor, asio::use_awaitable);
    const size_t prepared = applier_.prepared_batches();
    if (applier_.reduce_prepared()) continue;
    is_possible = is_possible && applier_.prepared_batches() == prepared;
    const size_t next = begin + prepared;
    if (is_possible && begin < pending_.size() && is_groupable(pending_[begin]) && next < group_end(begin)) {
      is_possible = applier_.prepare(end, pending_[next]);
    } else {
      applier_.sort_prepared();
      wake_->expires_at(Clock::time_point::max());
      co_await wake_->async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
}

// Behind the last batch of the group that begins with pending_[begin]; at least one batch is in it.
size_t Lane::group_end(size_t begin) const {
  uint64_t changes = 0, bytes = 0;
  size_t end = begin;
  for (; end < pending_.size(); ++end) {
    const Batch& batch = pending_[end];
    changes += batch.changes;
    bytes += batch.raw_bytes;
    const bool is_full = changes > kGroupChangesMax || bytes > kGroupBytesMax;
    if (end > begin && (is_full || !is_groupable(batch))) break;
    // While held, only what is refused is tried again, not all that waits behind it.
    if (report_.hold) return end + 1;
  }
  return end;
}

Task<> Lane::apply_parts(ConnectionPool::Lease lease) {
  const Position from = pending_.front().from;
  const Way way = memory_.refused_after == from ? memory_.next_way : Way::fast;
  for (bool is_done = false; !is_done;) {
    co_await wait_for_batch();
    if (memory_.pause) throw parts_lost();
    const Batch part = std::move(pending_.front());
    pending_.pop_front();
    are_parts_open_ = true;
    const Outcome outcome = co_await applier_.apply_part(*lease, part, way);
    if (outcome.held) {
      memory_.refused_after = from;
      memory_.next_way = outcome.next_way;
      const bool is_named = way >= Way::carefully && outcome.next_way != Way::making_way;
      if (is_named)
        ++memory_.refusals;
      else if (way < Way::carefully)
        memory_.refusals = 0;
      if (is_named) {
        lease.give_back();
        hold(*outcome.held, false);
        memory_.hold = report_.hold;
        report();
        co_await sleep_for(pause_after_refusals(memory_.refusals));
      }
      throw parts_lost();
    }
    is_done = part.is_last_part;
    report_.consumed_bytes += bytes_in_flight(part);
    report_.changes += outcome.changes;
    report_.transactions += outcome.transactions;
    if (is_done) {
      report_.applied = outcome.applied;
      report_.last_commit_time = outcome.last_commit_time;
      report_.hold.reset();
      tell(outcome.want);
    }
    report();
  }
  are_parts_open_ = false;
  memory_.forget_refusals();
  lease.give_back();
}

// Leaves only the batches that hold something beyond `applied`.
void Lane::take_applied(const Position& applied) {
  report_.applied = applied;
  size_t done = 0;
  for (size_t i = 0; i < pending_.size(); ++i)
    if (pending_[i].is_last_part && pending_[i].to == applied) done = i + 1;
  for (; done > 0; --done) {
    report_.consumed_bytes += bytes_in_flight(pending_.front());
    pending_.pop_front();
  }
}

void Lane::settle(const Outcome& outcome) {
  report_.transactions += outcome.transactions;
  report_.changes += outcome.changes;
  if (outcome.last_commit_time != 0) report_.last_commit_time = outcome.last_commit_time;
  take_applied(outcome.applied);
  tell(outcome.want);
  if (outcome.held) {
    hold(*outcome.held, false);
  } else {
    report_.hold.reset();
    memory_.forget_refusals();
  }
}

void Lane::hold(const Held& held, bool is_waiting) {
  LaneHold next{held.reason, held.hint, held.sqlstate, unix_milliseconds_now(), is_waiting};
  if (report_.hold && report_.hold->reason == next.reason) next.since = report_.hold->since;
  report_.hold = std::move(next);
}

void Lane::tell(Want want) {
  if (want.is_empty()) return;
  wants_.push_back(std::move(want));
  has_news_ = true;
}

void Lane::report() {
  if (auto attentions = applier_.attentions()) {
    report_.attentions = std::move(*attentions);
    has_trouble_ = applier_.has_trouble();
    report_.deletes_left_out = applier_.deletes_left_out();
  }
  // Only what is committed.
  if (is_applied_known_ && !are_parts_open_ && settled_version_ != applier_.walks_version()) {
    settled_version_ = applier_.walks_version();
    report_.settled = std::make_shared<const std::set<std::string>>(applier_.settled());
  }
  if (reported_ == report_ && !has_news_) return;
  has_news_ = false;
  reported_ = report_;
  on_report_(report_);
}

}  // namespace tributary
