#include "apply/stale_keys.h"

#include <algorithm>

#include "apply/known_keys.h"
#include "apply/row_source.h"
#include "apply/transaction.h"

namespace tributary {
namespace {

using Params = std::vector<StatementList::Param>;

Params params_of(const std::string& child, const std::string& table) {
  Params params;
  params.push_back({false, child});
  params.push_back({false, table});
  return params;
}

// Those of the keys that lie in the range: one row of the places, from 1 on, that each has in the list.
StatementList places_in_range(const Shape& shape, const std::vector<std::string>& keys, const KeyRange& range) {
  const RowsOfKeys rows(shape, keys);
  RowSource source(rows.rows());
  const KeyOrder order = key_order_of(shape, source);
  std::string condition = "true";
  if (!range.after.empty()) condition += " AND " + order.is_after(source.texts(range.after));
  if (!range.up_to.empty()) condition += " AND " + order.is_up_to(source.texts(range.up_to));
  StatementList list;
  list.add("SELECT s.place FROM (SELECT row_number() OVER () AS place, r.* FROM " + source.rows() +
               " AS r) AS s WHERE " + condition,
           Expect::anything, 0, source.take_params(), false);
  return list;
}

Task<std::vector<std::string>> in_range(Connection& connection, const Shape& shape, std::vector<std::string> keys,
                                        KeyRange range) {
  if (keys.empty() || (range.after.empty() && range.up_to.empty())) co_return keys;
  const StatementList list = places_in_range(shape, keys, range);
  const PipelineResult answer = co_await run(connection, list);
  if (answer.error) throw *answer.error;
  const Result& places = answer.results.front();
  std::vector<std::string> found;
  for (int row = 0; row < places.rows(); ++row) found.push_back(keys[static_cast<size_t>(places.integer(row, 0)) - 1]);
  co_return found;
}

}  // namespace

void add_stale_key(StatementList& out, Walks& walks, const std::string& child, const std::string& table,
                   const std::string& key, const std::string& reason, const std::string& sqlstate, uint32_t ways_made) {
  if (walks.of(table).is_at_beginning()) return;
  if (!walks.is_stale(table, key) && walks.stale_keys(table).size() >= kStaleKeysMax)
    return add_walk_anew(out, walks, child, table);
  Params params = params_of(child, table);
  params.push_back({true, key});
  params.push_back({false, reason});
  params.push_back({false, sqlstate});
  params.push_back({false, std::to_string(ways_made)});
  out.add(
      "INSERT INTO tributary.stale (child, table_name, key, reason, sqlstate, ways_made) VALUES ($1::text, $2::text,"
      " $3::bytea, $4::text, $5::text, $6::integer) ON CONFLICT (child, table_name, key) DO UPDATE SET"
      " reason = excluded.reason, sqlstate = excluded.sqlstate, ways_made = excluded.ways_made",
      Expect::exactly, 1, std::move(params));
  walks.add_stale(table, key, ways_made);
}

void add_healed_key(StatementList& out, Walks& walks, const std::string& child, const std::string& table,
                    const std::string& key) {
  if (!walks.is_stale(table, key)) return;
  Params params = params_of(child, table);
  params.push_back({true, key});
  out.add("DELETE FROM tributary.stale WHERE child = $1::text AND table_name = $2::text AND key = $3::bytea",
          Expect::anything, 0, std::move(params));
  walks.remove_stale(table, key);
}

Task<> heal_by_chunk(Connection& connection, Walks& walks, const std::string& child, const Shape& shape,
                     const ChunkView& chunk) {
  if (!walks.has_stale(shape.title)) co_return;
  std::vector<std::string> candidates;
  for (const std::string& key : walks.stale_keys(shape.title))
    if (std::find(chunk.settled.begin(), chunk.settled.end(), key) == chunk.settled.end()) candidates.push_back(key);
  std::vector<std::string> healed;
  for (const std::string_view row : chunk.rows)
    if (auto key = key_of(row, shape.key)) healed.push_back(std::move(*key));
  if (chunk.is_key_set) {
    for (const std::string& key : candidates)
      if (std::find(chunk.keys.begin(), chunk.keys.end(), key) != chunk.keys.end()) healed.push_back(key);
  } else if (!chunk.pages) {
    std::vector<std::string> covered =
        co_await in_range(connection, shape, std::move(candidates), range_of(shape, chunk));
    healed.insert(healed.end(), covered.begin(), covered.end());
  }
  StatementList list;
  for (const std::string& key : healed) add_healed_key(list, walks, child, shape.title, key);
  if (list.size() == 0) co_return;
  const PipelineResult result = co_await run(connection, list);
  if (result.error) throw *result.error;
}

void add_single_patch(StatementList& out, const Shape& shape, const std::vector<RowValues>& row, const Walk& walk) {
  if (walk.is_at_beginning()) return;
  RowSource source(row);
  const std::string match = same_key(shape, source);
  const PatchSql patch = patch_sql(shape, row, source);
  std::string walked;
  if (!walk.is_complete)
    walked = " WHERE " + key_order_of(shape, source).is_up_to(source.texts(key_texts(shape, walk.walked_to)));
  std::string sql = "WITH w AS MATERIALIZED (SELECT s.* FROM " + source.from() + walked + ")";
  std::string written = "found.n";
  if (!patch.set.empty()) {
    sql += ", u AS (UPDATE " + existing_rows(shape) + " SET " + patch.set + " FROM w AS s WHERE " + match +
           patch.where + " RETURNING 1)";
    written = "(SELECT count(*) FROM u)";
  }
  // The row as it was before this statement.
  sql += " SELECT (SELECT count(*) FROM w) - " + written + ", found.n FROM (SELECT count(*) FROM " +
         existing_rows(shape) + " JOIN w AS s ON " + match + ") AS found (n)";
  out.add(std::move(sql), Expect::counts, 0, source.take_params(), walk.is_complete);
}

bool is_missing(const Result& answer) {
  return answer.integer(0, 1) == 0;
}

}  // namespace tributary
