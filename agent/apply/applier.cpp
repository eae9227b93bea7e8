#include "apply/applier.h"

#include <spdlog/spdlog.h>

#include "apply/compared_digest.h"
#include "apply/fence.h"
#include "apply/shape_trouble.h"
#include "base/failpoint.h"

namespace tributary {
namespace {

constexpr size_t kCopyRowsMin = 100;
constexpr size_t kShapeChangesMax = 32;  // in a group: more are written in their order, some at a time
constexpr size_t kChangesAtOnce = 1000;  // half a millisecond, which PostgreSQL does not notice
constexpr auto kLookPause = std::chrono::seconds(1);

}  // namespace

void Applier::Reduction::add(const GroupChange& change, const Fit& fit) {
  ++changes;
  // Of a table that does not fit: is_set_wise tells whether that is known.
  if (const auto* mismatch = std::get_if<Mismatch>(&fit); mismatch && !mismatch->is_of_rights) return;
  const auto* shape = std::get_if<Shape>(&fit);
  if (shape && !nets.back().has_room_for(change.shape_id, *shape)) nets.emplace_back();
  is_possible = shape && nets.size() <= kShapeChangesMax && nets.back().add(change, *shape);
}

bool Applier::prepare(const Position& applied, const Batch& batch) {
  try {
    if (!prepared_) prepared_.emplace(Prepared{GroupReader(applied), {}});
    prepared_->reader.add(batch);
    return true;
  } catch (const Error&) {
    prepared_.reset();
    return false;
  }
}

Applier::Prepared Applier::take_prepared(const Position& applied, const std::vector<const Batch*>& batches) {
  std::optional<Prepared> prepared = std::exchange(prepared_, std::nullopt);
  if (!prepared || prepared->reader.applied() != applied || prepared->reader.batches() > batches.size())
    prepared.emplace(Prepared{GroupReader(applied), {}});
  for (size_t i = prepared->reader.batches(); i < batches.size(); ++i) prepared->reader.add(*batches[i]);
  return std::move(*prepared);
}

// Shapes that are forgotten are named in what was prepared.
void Applier::forget_shapes() {
  shapes_.forget();
  walks_.forget();
  prepared_.reset();
}

Task<Outcome> Applier::apply(Connection& connection, Position applied, std::vector<const Batch*> batches) {
  Prepared prepared = take_prepared(applied, batches);
  prepared.reader.whole();
  if (co_await load_walks(connection)) prepared.reduction = Reduction{};
  if (is_look_due(batches)) {
    co_await look_again(connection, applied);
    prepared.reduction = Reduction{};
  }
  Group group = std::move(prepared.reader).take();
  cut_at_lonely(group);
  Outcome outcome;
  outcome.applied = applied;
  if (group.transactions.empty()) co_return outcome;
  co_await apply_transactions(connection, group, prepared.reduction, outcome);
  co_await walks_.load_if_outdated(connection, rights_.child.name);
  outcome.want = walks_.take_news(outcome.applied);
  say_left_out();
  if (outcome.held) forget_shapes();
  co_return outcome;
}

Task<> Applier::apply_transactions(Connection& connection, const Group& group, Reduction& reduction, Outcome& outcome) {
  const bool is_alone = group.changes.size() == 1 && is_applied_alone(group.changes.front());
  if (!is_alone) {
    if (co_await apply_fast(connection, group, reduction, outcome)) co_return;
    // What does not fit may have been mended since the catalogue was read.
    forget_shapes();
    co_await load_walks(connection);
  }
  co_await apply_carefully(connection, group, outcome);
}

bool Applier::is_look_due(const std::vector<const Batch*>& batches) const {
  if (Clock::now() < looked_at_ + kLookPause) return false;
  const std::map<std::string, Walk> troubles = walks_.troubles();
  if (troubles.empty()) return false;
  return std::any_of(batches.begin(), batches.end(), [&](const Batch* batch) {
    return std::any_of(batch->relations.begin(), batch->relations.end(), [&](uint64_t shape_id) {
      const auto table = shapes_.table_of(shape_id);
      return table && troubles.contains(*table);
    });
  });
}

Task<> Applier::look_again(Connection& connection, Position applied) {
  looked_at_ = Clock::now();
  StatementList list;
  list.add("BEGIN", Expect::anything);
  add_fence_lock(list, rights_.child.name, applied);
  const size_t without = list.size();
  co_await tributary::look_again(connection, shapes_, walks_, list);
  // Shapes that were asked for again are named in it.
  prepared_.reset();
  if (list.size() == without) co_return;
  if (co_await begin_with(connection, applied, list))
    co_await roll_back(connection);
  else if (!co_await commit(connection))
    co_return;
  walks_.forget();
  co_await load_walks(connection);
}

Task<Want> Applier::look_at_tables(Connection& connection, Position applied) {
  co_await load_walks(connection);
  co_await look_again(connection, applied);
  co_return walks_.take_news(applied);
}

Task<bool> Applier::load_walks(Connection& connection) {
  co_await walks_.load(connection, rights_.child.name);
  const bool is_news = shapes_.set_alone(walks_.is_alone());
  if (is_news) prepared_.reset();
  co_return is_news;
}

Task<Want> Applier::look_at_ownership(Connection& connection, Position applied) {
  co_await load_walks(connection);
  co_await note_changed_ownership(connection, rights_, walks_);
  co_return walks_.take_news(applied);
}

uint64_t Applier::deletes_left_out() const {
  uint64_t count = 0;
  if (walks_.is_loaded())
    for (const auto& [table, ownership] : walks_.ownerships()) count += ownership.deletes_left_out;
  return count;
}

Task<bool> Applier::write_left_out(Connection& connection, const std::map<std::string, uint64_t>& deletes) {
  if (deletes.empty()) co_return true;
  StatementList list;
  add_left_out(list, rights_.child.name, deletes);
  co_return !list.first_unexpected(co_await run(connection, list));
}

void Applier::say_left_out() {
  for (const auto& [table, ownership] : walks_.ownerships()) {
    uint64_t& said = said_left_out_[table];
    if (ownership.deletes_left_out > said)
      spdlog::warn("apply: {} deleted {} rows of table {} that are not its own here: they stay", rights_.child.name,
                   ownership.deletes_left_out - said, table);
    said = ownership.deletes_left_out;
  }
}

std::optional<std::vector<TableAttention>> Applier::attentions() const {
  if (!walks_.is_loaded()) return std::nullopt;
  return walks_.attentions(rights_.child.name);
}

Task<Want> Applier::read_walks(Connection& connection, Position applied) {
  co_await load_walks(connection);
  for (const auto& [table, ownership] : walks_.ownerships()) said_left_out_[table] = ownership.deletes_left_out;
  co_return walks_.all(applied);
}

Task<Want> Applier::begin_walks(Connection& connection, Position applied, std::map<std::string, bool> tables) {
  co_await load_walks(connection);
  StatementList list;
  list.add("BEGIN", Expect::anything);
  std::map<std::string, Walk> begun;
  for (const auto& [table, may_delete_extra] : tables) {
    if (!walks_.has(table)) continue;
    const WalkStep step = step_back(walks_.of(table), may_delete_extra);
    add_forget_listed(list, rights_.child.name, table);
    add_walked(list, rights_.child.name, table, step);
    add_request_met(list, rights_.child.name, table, may_delete_extra);
    add_forget_stale(list, walks_, rights_.child.name, table);
    begun[table] = step.walk;
  }
  list.add("COMMIT", Expect::anything);
  const PipelineResult result = co_await run(connection, list);
  if (result.error) throw *result.error;
  for (const auto& [table, walk] : begun) {
    walks_.set(table, walk);
    walks_.tell(table);
  }
  co_return walks_.take_news(applied);
}

Task<Want> Applier::read_news(Connection& connection, Position applied) {
  co_await load_walks(connection);
  co_return walks_.take_news(applied);
}

Task<std::optional<size_t>> Applier::begin_with(Connection& connection, Position fence, const StatementList& list,
                                                PipelineResult* answer) {
  PipelineResult result = co_await run(connection, list);
  const auto unexpected = list.first_unexpected(result);
  constexpr size_t kFence = 1;
  if (unexpected > kFence) co_return unexpected;
  if (!unexpected) {
    if (answer) *answer = std::move(result);
    co_return std::nullopt;
  }
  if (result.results.size() > kFence) co_await throw_fence_lost(connection, rights_.child.name, fence);
  co_await roll_back(connection);
  throw Error(ErrorKind::setup,
              "the applied position of child " + rights_.child.name + " cannot be written: " + result.error->message(),
              "Prepare the database with `tributary init`.", result.error->sqlstate());
}

void Applier::reduce_known(const Group& group, size_t end, Reduction& reduction) const {
  while (reduction.is_possible && reduction.changes < end) {
    const GroupChange& change = group.changes[reduction.changes];
    if (is_applied_alone(change)) return;  // the group is cut here
    const Fit* fit = shapes_.known(change.shape_id);
    if (!fit) return;
    reduction.add(change, *fit);
  }
}

Task<> Applier::reduce(Connection& connection, const Group& group, Reduction& reduction) {
  for (;;) {
    reduce_known(group, group.changes.size(), reduction);
    if (!reduction.is_possible || reduction.changes == group.changes.size()) co_return;
    co_await shapes_.find(connection, group.changes[reduction.changes].shape_id);
  }
}

bool Applier::reduce_prepared() {
  if (!prepared_) return false;
  const Group& group = prepared_->reader.so_far();
  Reduction& reduction = prepared_->reduction;
  const size_t end = std::min(group.changes.size(), reduction.changes + kChangesAtOnce);
  try {
    reduce_known(group, end, reduction);
  } catch (const Error&) {
    prepared_.reset();
    return false;
  }
  return reduction.is_possible && reduction.changes == end && end < group.changes.size();
}

void Applier::sort_prepared() {
  if (!prepared_) return;
  for (NetGroup& net : prepared_->reduction.nets) net.sort_inserted();
}

// COPY takes a round trip of its own: it has to be worth it. It comes last, after all that is in the pipeline.
Applier::Inserts Applier::inserts_of(const std::vector<NetGroup>& nets) {
  if (nets.size() > 1 || nets.front().inserted_rows() < kCopyRowsMin || nets.front().has_listed(walks_) ||
      !copy_trials_.is_due())
    return Inserts::by_upsert;
  return Inserts::by_copy;
}

Task<bool> Applier::apply_fast(Connection& connection, const Group& group, Reduction& reduction, Outcome& outcome) {
  co_await reduce(connection, group, reduction);
  if (!reduction.is_possible || !is_set_wise(group, shapes_, walks_)) co_return false;
  if (walks_.has_trouble()) tell_left_out(group, shapes_, walks_);
  std::vector<NetGroup>& nets = reduction.nets;
  if (std::any_of(nets.begin(), nets.end(), [&](const NetGroup& net) { return net.needs_care(walks_); }))
    co_return false;
  if (inserts_of(nets) == Inserts::by_copy) {
    if (co_await write_group(connection, group, nets, Inserts::by_copy, outcome)) {
      copy_trials_.succeeded();
      co_return true;
    }
    copy_trials_.failed();
  }
  co_return co_await write_group(connection, group, nets, Inserts::by_upsert, outcome);
}

Task<bool> Applier::write_group(Connection& connection, const Group& group, std::vector<NetGroup>& nets,
                                Inserts inserts, Outcome& outcome) {
  const GroupTransaction& last = group.transactions.back();
  StatementList list;
  list.add("BEGIN", Expect::anything);
  add_fence(list, rights_.child.name, outcome.applied, last.position, last.commit.time);
  std::optional<Walks> changed;
  if (std::any_of(nets.begin(), nets.end(), [](const NetGroup& net) { return net.has_chunks(); })) changed = walks_;
  Walks& walks = changed ? *changed : walks_;
  for (NetGroup& net : nets) net.add_statements(list, inserts, rights_.child.name, walks);
  PipelineResult answer;
  bool is_written = !(co_await begin_with(connection, outcome.applied, list, &answer));
  std::map<std::string, uint64_t> left_out;
  if (is_written) left_out = list.left_alone(answer);
  if (is_written && inserts == Inserts::by_copy) is_written = co_await nets.back().copy_inserts(connection, answer);
  if (is_written) is_written = co_await write_left_out(connection, left_out);
  if (!is_written) {
    co_await roll_back(connection);
    co_return false;
  }
  failpoint("in_apply_group");
  if (changed) walks_.add_news(*changed);  // also if the answer is lost
  if (co_await commit(connection)) co_return false;
  if (changed) walks_ = std::move(*changed);
  walks_.add_left_out(left_out);
  outcome.applied = last.position;
  outcome.transactions = group.transactions.size();
  outcome.changes = group.changes.size();
  outcome.last_commit_time = last.commit.time;
  co_return true;
}

Task<> Applier::apply_carefully(Connection& connection, const Group& group, Outcome& outcome) {
  size_t begin = 0;
  for (const GroupTransaction& transaction : group.transactions) {
    const std::span changes = std::span(group.changes).subspan(begin, transaction.end - begin);
    begin = transaction.end;
    outcome.held = co_await apply_one(connection, outcome.applied, transaction, changes);
    if (outcome.held) co_return;
    outcome.applied = transaction.position;
    outcome.transactions += 1;
    outcome.changes += changes.size();
    outcome.last_commit_time = transaction.commit.time;
  }
}

Task<std::optional<Held>> Applier::apply_one(Connection& connection, Position from, const GroupTransaction& transaction,
                                             std::span<const GroupChange> changes) {
  StatementList begin;
  begin.add("BEGIN", Expect::anything);
  add_fence(begin, rights_.child.name, from, transaction.position, transaction.commit.time);
  const std::string subject = "transaction " + transaction.position.to_string();

  co_await begin_with(connection, from, begin);
  auto refusal = co_await write_one(connection, transaction, changes, false);
  if (refusal && refusal->may_make_way) {
    co_await begin_with(connection, from, begin);
    refusal = co_await write_one(connection, transaction, changes, true);
  }
  if (refusal && refusal->is_taken_value && changes.front().kind != ChangeKind::chunk) {
    co_await begin_with(connection, from, begin);
    if (co_await write_by_replacing(connection, shapes_, walks_, changes)) refusal.reset();
  }
  if (refusal) {
    refusal->held.reason += " (" + subject + ")";
    co_return std::move(refusal->held);
  }
  if (const auto error = co_await commit(connection)) {
    walks_.forget();
    co_await load_walks(connection);
    co_return held_by(subject, *error);
  }
  co_return std::nullopt;
}

Task<std::optional<Refusal>> Applier::write_one(Connection& connection, const GroupTransaction& transaction,
                                                std::span<const GroupChange> changes, bool makes_way) {
  std::optional<Refusal> refusal;
  if (!changes.empty() && changes.front().kind == ChangeKind::digest)
    refusal = co_await compare_digest(connection, shapes_, walks_, changes.front(), transaction.position.seq);
  else
    refusal = co_await write_in_order(connection, shapes_, walks_, changes, makes_way);
  if (!refusal) co_return std::nullopt;
  // What was rolled back is in none of the walks.
  walks_.forget();
  co_await load_walks(connection);
  co_return refusal;
}

Task<Outcome> Applier::begin_stream(Connection& connection, const Batch& batch) {
  Outcome outcome;
  const auto applied = co_await read_applied(connection, rights_.child.name);
  co_await load_walks(connection);
  if (applied == batch.to) {  // an earlier COMMIT whose answer was lost
    outcome.applied = batch.to;
    co_return outcome;
  }
  StatementList list;
  list.add("BEGIN", Expect::anything);
  if (applied)
    add_next_stream(list, rights_.child.name, batch.from, batch.to);
  else
    add_first_stream(list, rights_.child.name, batch.to);
  add_forget_walks(list, rights_.child.name);
  co_await begin_with(connection, batch.from, list);
  if (const auto error = co_await commit(connection)) throw *error;
  walks_.forget();
  outcome.applied = batch.to;
  co_return outcome;
}

Task<Outcome> Applier::apply_part(Connection& connection, const Batch& part, Way way) {
  const Group group = unpack_part(part);
  Outcome outcome;
  outcome.applied = part.from;
  if (part.part == 0) {
    is_part_copied_ = false;
    co_await load_walks(connection);
    StatementList begin;
    begin.add("BEGIN", Expect::anything);
    add_fence_lock(begin, rights_.child.name, part.from);
    co_await begin_with(connection, part.from, begin);
  }
  bool may_make_way = false;
  outcome.held = co_await write_part(connection, group, part, way, may_make_way);
  if (outcome.held) {
    if (way == Way::carefully && may_make_way) outcome.next_way = Way::making_way;
    if (way == Way::fast && is_part_copied_) outcome.next_way = Way::without_copy;
    if (connection.in_transaction()) co_await roll_back(connection);
    forget_shapes();
    co_return outcome;
  }
  failpoint("in_apply_group");
  outcome.changes = group.changes.size();
  if (!part.is_last_part) co_return outcome;
  if (const auto error = co_await commit(connection)) {
    outcome.held = held_by("transaction " + part.to.to_string(), *error);
    forget_shapes();
    co_return outcome;
  }
  co_await walks_.load_if_outdated(connection, rights_.child.name);
  outcome.applied = part.to;
  outcome.want = walks_.take_news(part.to);
  say_left_out();
  outcome.transactions = 1;
  outcome.last_commit_time = group.transactions.back().commit.time;
  co_return outcome;
}

Task<std::optional<Held>> Applier::write_part(Connection& connection, const Group& group, const Batch& part, Way way,
                                              bool& may_make_way) {
  const Held unnamed{
      "a large transaction after " + part.from.to_string() + " is refused; the cause is being looked for", {}, {}};
  StatementList list;
  Reduction reduction;
  Inserts inserts = Inserts::by_upsert;
  if (way == Way::carefully || way == Way::making_way) {
    const bool makes_way = way == Way::making_way;
    if (auto refusal = co_await write_in_order(connection, shapes_, walks_, group.changes, makes_way)) {
      may_make_way = refusal->may_make_way;
      co_return std::move(refusal->held);
    }
  } else {
    co_await reduce(connection, group, reduction);
    if (!reduction.is_possible || !is_set_wise(group, shapes_, walks_)) co_return unnamed;
    if (way == Way::fast) inserts = inserts_of(reduction.nets);
    for (NetGroup& net : reduction.nets) net.add_statements(list, inserts, rights_.child.name, walks_);
  }
  if (part.is_last_part) add_fence(list, rights_.child.name, part.from, part.to, group.transactions.back().commit.time);
  if (list.size() > 0) {
    const PipelineResult result = co_await run(connection, list);
    if (list.first_unexpected(result)) co_return unnamed;
    const std::map<std::string, uint64_t> left_out = list.left_alone(result);
    if (!co_await write_left_out(connection, left_out)) co_return unnamed;
    walks_.add_left_out(left_out);
  }
  if (inserts == Inserts::by_copy) {
    is_part_copied_ = true;
    const PipelineResult no_answer;  // a part has no chunks; named, because g++ 12 would destroy it twice
    if (!co_await reduction.nets.back().copy_inserts(connection, no_answer)) co_return unnamed;
  }
  co_return std::nullopt;
}

}  // namespace tributary
