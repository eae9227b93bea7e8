#include "apply/applier.h"

#include "apply/careful.h"
#include "apply/fence.h"
#include "base/failpoint.h"

namespace tributary {
namespace {

constexpr size_t kCopyRowsMin = 100;
constexpr size_t kShapeChangesMax = 32;  // in a group: more are written in their order, some at a time
constexpr size_t kChangesAtOnce = 1000;  // half a millisecond, which PostgreSQL does not notice

}  // namespace

void Applier::Reduction::add(const GroupChange& change, const Fit& fit) {
  ++changes;
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
  prepared_.reset();
}

Task<Outcome> Applier::apply(Connection& connection, Position applied, std::vector<const Batch*> batches) {
  Prepared prepared = take_prepared(applied, batches);
  const Group& group = prepared.reader.whole();
  Outcome outcome;
  outcome.applied = applied;
  if (group.transactions.empty()) co_return outcome;
  if (co_await apply_fast(connection, group, prepared.reduction, outcome)) co_return outcome;
  // What does not fit may have been mended since the catalogue was read.
  forget_shapes();
  co_await apply_carefully(connection, group, outcome);
  if (outcome.held) forget_shapes();
  co_return outcome;
}

Task<std::optional<size_t>> Applier::begin_with(Connection& connection, Position fence, const StatementList& list) {
  const PipelineResult result = co_await run(connection, list);
  const auto unexpected = list.first_unexpected(result);
  constexpr size_t kFence = 1;
  if (unexpected > kFence) co_return unexpected;
  if (!unexpected) co_return std::nullopt;
  if (result.results.size() > kFence) co_await throw_fence_lost(connection, rights_.child.name, fence);
  co_await roll_back(connection);
  throw Error(ErrorKind::setup,
              "the applied position of child " + rights_.child.name + " cannot be written: " + result.error->message(),
              "Prepare the database with `tributary init`.", result.error->sqlstate());
}

void Applier::reduce_known(const Group& group, size_t end, Reduction& reduction) const {
  while (reduction.is_possible && reduction.changes < end) {
    const GroupChange& change = group.changes[reduction.changes];
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
  if (nets.size() > 1 || nets.front().inserted_rows() < kCopyRowsMin || !copy_trials_.is_due())
    return Inserts::by_upsert;
  return Inserts::by_copy;
}

Task<bool> Applier::apply_fast(Connection& connection, const Group& group, Reduction& reduction, Outcome& outcome) {
  co_await reduce(connection, group, reduction);
  if (!reduction.is_possible) co_return false;
  std::vector<NetGroup>& nets = reduction.nets;
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
  for (NetGroup& net : nets) net.add_statements(list, inserts);
  bool is_written = !(co_await begin_with(connection, outcome.applied, list));
  if (is_written && inserts == Inserts::by_copy) is_written = co_await nets.back().copy_inserts(connection);
  if (!is_written) {
    co_await roll_back(connection);
    co_return false;
  }
  failpoint("in_apply_group");
  if (co_await commit(connection)) co_return false;
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
  auto refusal = co_await write_in_order(connection, shapes_, changes);
  if (refusal && refusal->is_taken_value) {
    co_await begin_with(connection, from, begin);
    if (co_await write_by_replacing(connection, shapes_, changes)) refusal.reset();
  }
  if (refusal) {
    refusal->held.reason += " (" + subject + ")";
    co_return std::move(refusal->held);
  }
  if (const auto error = co_await commit(connection)) co_return held_by(subject, *error);
  co_return std::nullopt;
}

Task<Outcome> Applier::begin_stream(Connection& connection, const Batch& batch) {
  Outcome outcome;
  const auto applied = co_await read_applied(connection, rights_.child.name);
  if (applied == batch.to) {  // an earlier COMMIT whose answer was lost
    outcome.applied = batch.to;
    co_return outcome;
  }
  if (applied) {
    if (*applied != batch.from) co_await throw_fence_lost(connection, rights_.child.name, batch.from);
    outcome.applied = *applied;
    outcome.held =
        Held{"the child's stream broke off, and a new one begins: " + batch.reason,
             "Changes may be missing between the two. Bring the child's rows over by hand, then run here: DELETE FROM "
             "tributary.applied WHERE child = " +
                 quote_literal(rights_.child.name) + "; the new stream is then taken up.",
             {}};
    co_return outcome;
  }
  StatementList list;
  list.add("BEGIN", Expect::anything);
  add_first_stream(list, rights_.child.name, batch.to);
  co_await begin_with(connection, batch.from, list);
  if (const auto error = co_await commit(connection)) throw *error;
  outcome.applied = batch.to;
  co_return outcome;
}

Task<Outcome> Applier::apply_part(Connection& connection, const Batch& part, Way way) {
  const Group group = unpack_part(part);
  Outcome outcome;
  outcome.applied = part.from;
  if (part.part == 0) {
    is_part_copied_ = false;
    StatementList begin;
    begin.add("BEGIN", Expect::anything);
    add_fence_lock(begin, rights_.child.name, part.from);
    co_await begin_with(connection, part.from, begin);
  }
  outcome.held = co_await write_part(connection, group, part, way);
  if (outcome.held) {
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
    co_return outcome;
  }
  outcome.applied = part.to;
  outcome.transactions = 1;
  outcome.last_commit_time = group.transactions.back().commit.time;
  co_return outcome;
}

Task<std::optional<Held>> Applier::write_part(Connection& connection, const Group& group, const Batch& part, Way way) {
  const Held unnamed{
      "a large transaction after " + part.from.to_string() + " is refused; the cause is being looked for", {}, {}};
  StatementList list;
  Reduction reduction;
  Inserts inserts = Inserts::by_upsert;
  if (way == Way::carefully) {
    if (auto refusal = co_await write_in_order(connection, shapes_, group.changes)) co_return std::move(refusal->held);
  } else {
    co_await reduce(connection, group, reduction);
    if (!reduction.is_possible) co_return unnamed;
    if (way == Way::fast) inserts = inserts_of(reduction.nets);
    for (NetGroup& net : reduction.nets) net.add_statements(list, inserts);
  }
  if (part.is_last_part) add_fence(list, rights_.child.name, part.from, part.to, group.transactions.back().commit.time);
  if (list.size() > 0 && list.first_unexpected(co_await run(connection, list))) co_return unnamed;
  if (inserts == Inserts::by_copy) {
    is_part_copied_ = true;
    if (!co_await reduction.nets.back().copy_inserts(connection)) co_return unnamed;
  }
  co_return std::nullopt;
}

}  // namespace tributary
