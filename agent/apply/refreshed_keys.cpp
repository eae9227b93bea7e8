#include "apply/refreshed_keys.h"

#include <algorithm>
#include <deque>
#include <set>

#include "apply/extra_rows.h"
#include "apply/known_keys.h"
#include "apply/row_source.h"
#include "apply/stale_keys.h"

namespace tributary {
namespace {

// Each of two rows that the child has pushes the other one away: only a constraint that the child has not does that.
// Rows that somebody changed here may do it in turn, but not so often.
constexpr uint32_t kWaysMadeMax = 8;
constexpr char kStricter[] =
    "Rows of the child have one value that must be unique here: the constraint is stricter than the child's. Drop or "
    "relax it here; the transaction is tried again by itself.";

std::string key_in(const Result& result, int row) {
  std::vector<Value> values;
  for (int i = 0; i < result.columns(); ++i) values.push_back({ValueKind::text, result.value(row, i)});
  std::string key;
  write_tuple(key, values);
  return key;
}

// Deletes the rows of the set that the child does not have. Two texts may be one key: one that is settled stays. Which
// ones are told by a mask of their own, behind the table's columns.
void add_delete_absent(StatementList& out, const Walks& walks, const Shape& shape, const ChunkView& chunk) {
  std::set<std::string> named;
  for (const std::string_view row : chunk.rows)
    if (auto key = key_of(row, shape.key)) named.insert(std::move(*key));
  named.insert(chunk.settled.begin(), chunk.settled.end());
  std::deque<std::vector<Value>> values;
  std::vector<RowValues> rows;
  const auto add = [&](std::string_view key, ValueKind mark) {
    std::vector<Value>& row = values.emplace_back(shape.columns.size() + 1);
    const std::vector<Value> parts = key_values(key, shape.key.size());
    for (size_t i = 0; i < parts.size(); ++i) row[shape.key[i]] = parts[i];
    row.back().kind = mark;
    rows.push_back(row.data());
  };
  // Where other children write the table too, a stale key is the child's all the same: it was a change of it.
  for (const std::string_view key : chunk.keys) {
    const bool may_go = shape.may_clear || walks.is_stale(shape.title, std::string(key));
    if (may_go && !named.contains(std::string(key))) add(key, ValueKind::null);
  }
  if (rows.empty()) return;
  const size_t absent = rows.size();
  for (const std::string_view key : chunk.settled) add(key, ValueKind::unchanged);
  RowSource source(rows);
  const std::string match = same_key(shape, source);
  const std::string is_settled = source.mask(shape.columns.size());
  const std::string condition = match + " AND NOT " + is_settled + " AND NOT EXISTS (SELECT FROM " + source.from() +
                                " WHERE " + match + " AND " + is_settled + ")";
  if (!shape.owns.empty()) return add_limited_removes(out, shape, source, condition, absent);
  out.add("DELETE FROM " + existing_rows(shape) + " USING " + source.from() + " WHERE " + condition, Expect::anything,
          0, source.take_params());
}

// Rows of the set that are to be written may push others away, wherever these lie; but those that were pushed away so
// often in turn push only stale ones.
struct Pushing {
  std::vector<RowValues> all, stale_alone;
  uint32_t ways_made = 0;  // the most of any row
};

Pushing pushing_of(const Walks& walks, const Shape& shape, const ChunkView& chunk, const std::vector<RowValues>& rows) {
  Pushing pushing;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto key = key_of(chunk.rows[i], shape.key);
    const uint32_t ways_made = key ? walks.ways_made(shape.title, *key) : 0;
    pushing.ways_made = std::max(pushing.ways_made, ways_made);
    (ways_made < kWaysMadeMax ? pushing.all : pushing.stale_alone).push_back(rows[i]);
  }
  return pushing;
}

Refusal refuse(const std::string& subject, const PipelineResult& result) {
  if (result.error) return {held_by(subject, *result.error), result.error->sqlstate() == "23505"};
  return {{subject + " are not all the child's to write",
           "If the child may write them, change `owns` in [[child]] and restart the agent; they are tried again by "
           "themselves.",
           {}},
          false};
}

}  // namespace

Task<std::optional<Refusal>> write_key_set(Connection& connection, Walks& walks, const std::string& child,
                                           const Shape& shape, const ChunkView& chunk, bool makes_way) {
  const std::string subject = "rows of single keys of table " + shape.title + " that were refreshed";
  const KnownKeys known(shape, chunk);
  const std::vector<RowValues> rows(known.keys().begin(),
                                    known.keys().begin() + static_cast<std::ptrdiff_t>(chunk.rows.size()));
  StatementList list;
  add_delete_absent(list, walks, shape, chunk);
  const size_t way_begin = list.size();
  const Pushing pushing = pushing_of(walks, shape, chunk, rows);
  const bool may_push = may_make_way(shape), may_push_stale = !shape.has_unsent_columns && walks.has_stale(shape.title);
  if (makes_way && may_push) {
    InTheWay anywhere;
    anywhere.behind.emplace();
    add_make_way(list, shape, pushing.all, anywhere, child);
  }
  if (makes_way && may_push_stale) {
    InTheWay stale;
    stale.stale = walks.stale_keys(shape.title);
    add_make_way(list, shape, may_push ? pushing.stale_alone : rows, stale, child);
  }
  const size_t way_end = list.size();
  add_refreshed(list, shape, rows);
  if (walks.of(shape.title).has_listed && !rows.empty()) {
    add_unlist(list, shape, rows, child);
    walks.set_outdated();
  }
  if (list.size() > 0) {
    const PipelineResult written = co_await run(connection, list);
    if (list.first_unexpected(written)) {
      Refusal refusal = refuse(subject, written);
      refusal.may_make_way = refusal.is_taken_value && (may_push || may_push_stale);
      if (refusal.is_taken_value && !pushing.stale_alone.empty()) refusal.held.hint = kStricter;
      co_return refusal;
    }
    std::set<std::string> put;
    for (const std::string_view row : chunk.rows)
      if (auto key = key_of(row, shape.key)) put.insert(std::move(*key));
    StatementList stale;
    const std::map<std::string, uint64_t> left_out = list.left_alone(written);
    add_left_out(stale, child, left_out);
    walks.add_left_out(left_out);
    for (size_t i = way_begin; i < way_end; ++i)
      for (int row = 0; row < written.results[i].rows(); ++row)
        if (const std::string key = key_in(written.results[i], row); !put.contains(key))
          add_stale_key(stale, walks, child, shape.title, key, "had a unique value that another row has now", {},
                        pushing.ways_made + 1);
    if (stale.size() > 0) {
      const PipelineResult noted = co_await run(connection, stale);
      if (stale.first_unexpected(noted)) co_return refuse(subject, noted);
    }
  }
  co_return std::nullopt;
}

}  // namespace tributary
