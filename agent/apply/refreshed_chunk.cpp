#include "apply/refreshed_chunk.h"

#include <algorithm>

#include "apply/extra_rows.h"
#include "apply/finished_walk.h"
#include "apply/known_keys.h"
#include "apply/made_way.h"
#include "apply/shape_trouble.h"

namespace tributary {
namespace {

Refusal refuse(const std::string& subject, const PipelineResult& result) {
  if (result.error) return {held_by(subject, *result.error), result.error->sqlstate() == "23505"};
  return {{subject + " are not all the child's to write",
           "If the child may write them, change `owns` in [[child]] and restart the agent; they are tried again by "
           "themselves.",
           {}},
          false};
}

// The parameters live in `list` until it has run.
Task<PipelineResult> run_one(Connection& connection, StatementList list) {
  PipelineResult result = co_await run(connection, list);
  if (result.error) throw *result.error;
  co_return result;
}

Task<> write_walk(Connection& connection, const ChildRights& rights, Walks& walks, const std::string& table,
                  const WalkStep& step) {
  StatementList list;
  add_walked(list, rights.child.name, table, step);
  co_await run_one(connection, std::move(list));
  walks.set(table, step.walk);
  if (step.walk.is_complete) walks.tell(table);
}

// Deletes what has the unique values of these rows: older rows of the child behind `after`, stale ones, and the rows
// themselves where they are other versions. Returns whether nothing of it is what the stream has settled.
Task<bool> make_way(Connection& connection, const ChildRights& rights, const Shape& shape, const ChunkView& chunk,
                    const KnownKeys& keys, const std::vector<RowValues>& rows, const Walks& walks, MadeWay& made_way) {
  StatementList list;
  add_remove_differing(list, shape, rows);
  const size_t first = list.size();
  add_make_way(list, shape, rows, {keys.range().after, false, walks.stale_keys(shape.title)}, rights.child.name);
  const PipelineResult result = co_await run(connection, list);
  if (result.error) throw *result.error;
  for (size_t i = first; i < result.results.size(); ++i) made_way.add(shape, result.results[i]);
  co_return std::none_of(chunk.settled.begin(), chunk.settled.end(),
                         [&](std::string_view key) { return made_way.has(shape, key); });
}

// What the child does not have any more is listed until the walk is at its end: all of it where it may be deleted; of
// more than one statement lists a person has to hear in any case.
Task<> settle_others(Connection& connection, const ChildRights& rights, const Shape& shape, const KnownKeys& keys,
                     Walk& walk) {
  for (bool has_listed = false;; has_listed = true) {
    StatementList list;
    add_list_others(list, shape, keys.range(), keys.keys(), rights.child.name, has_listed);
    const PipelineResult listed = co_await run_one(connection, std::move(list));
    walk.has_listed |= listed.results.front().affected() > 0;
    if (!walk.may_delete_extra || listed.results.front().affected() < kListedAtOnce) co_return;
  }
}

}  // namespace

Task<std::optional<Refusal>> write_chunk(Connection& connection, Shapes& shapes, Walks& walks,
                                         const GroupChange& change, bool makes_way) {
  const ChunkView chunk = parse_chunk(change.tuple);
  if (chunk.is_key_set) throw Error(ErrorKind::protocol, "a refresh of single keys");
  const ChildRights& rights = shapes.rights();
  const Fit* fit = co_await shapes.find(connection, change.shape_id);
  if (const auto* mismatch = std::get_if<Mismatch>(fit)) {
    const Relation& relation = shapes.relation(change.shape_id);
    const std::string table = relation.full_name();
    // A table without rows fits as long as it has none.
    if (chunk.rows.empty() && co_await is_empty_here(connection, relation)) {
      if (const auto step = step_of(walks.of(table), chunk))
        co_await write_walk(connection, rights, walks, table, *step);
      else
        walks.tell(table);
      co_return std::nullopt;
    }
    Refusal refusal{{mismatch->reason, mismatch->hint, {}}, false};
    co_return refusal;
  }
  const Shape& shape = std::get<Shape>(*fit);
  std::optional<WalkStep> step = step_of(walks.of(shape.title), chunk);
  if (!step) {
    walks.tell(shape.title);
    co_return std::nullopt;
  }
  step->walk.key_columns = shape.key_columns;
  step->take_rows(chunk.rows.size());
  const KnownKeys keys(shape, chunk);
  const std::vector<RowValues> rows(keys.keys().begin(),
                                    keys.keys().begin() + static_cast<std::ptrdiff_t>(chunk.rows.size()));
  const std::string subject = "rows of table " + shape.title + " that were refreshed";
  MadeWay made_way;
  if (makes_way && may_make_way(shape)) {
    walks.set(shape.title, step->walk);
    const bool is_free = co_await make_way(connection, rights, shape, chunk, keys, rows, walks, made_way);
    if (!is_free)
      co_return Refusal{{subject + " have unique values that newer rows have here",
                         "A constraint of this table is stricter than the child's. Relax it here; the transaction is "
                         "tried again by itself.",
                         "23505"},
                        false};
    if (auto refusal = co_await made_way.count(connection, rights, walks)) co_return refusal;
    step->walk = walks.of(shape.title);
  }
  StatementList list;
  // What is compared here is many rows with many keys.
  list.add("SET LOCAL enable_hashjoin = on", Expect::anything);
  if (step->is_beginning) {
    add_forget_listed(list, rights.child.name, shape.title);
    add_begun(list, walks, rights.child.name, shape);
  }
  add_refreshed(list, shape, rows);
  const PipelineResult written = co_await run(connection, list);
  if (list.first_unexpected(written)) {
    Refusal refusal = refuse(subject, written);
    refusal.may_make_way = refusal.is_taken_value && may_make_way(shape);
    co_return refusal;
  }

  try {
    if (shape.may_clear && !chunk.pages) co_await settle_others(connection, rights, shape, keys, step->walk);
    if (step->walk.is_complete) co_await finish_walk(connection, rights, shape, walks, step->walk, chunk.keeps_extra);
    co_await write_walk(connection, rights, walks, shape.title, *step);
  } catch (const Error& error) {
    if (passes_by_itself(error) || error.sqlstate().empty()) throw;
    co_return Refusal{held_by("rows of table " + shape.title + " that the child does not have", error), false};
  }
  co_return std::nullopt;
}

}  // namespace tributary
