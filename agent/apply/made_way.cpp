#include "apply/made_way.h"

#include <algorithm>

#include "apply/finished_walk.h"

namespace tributary {
namespace {

using Keys = std::set<std::string, std::less<>>;

// Those that nothing brings back.
uint64_t size_of_gone(const std::string& table, const Keys& deleted, const Keys& put, const Walks& walks) {
  return static_cast<uint64_t>(std::count_if(deleted.begin(), deleted.end(), [&](const std::string& key) {
    return !put.contains(key) && !walks.is_stale(table, key);
  }));
}

}  // namespace

void MadeWay::add(const Shape& shape, const Result& keys) {
  for (int row = 0; row < keys.rows(); ++row) {
    std::vector<Value> values;
    for (int i = 0; i < keys.columns(); ++i) values.push_back({ValueKind::text, keys.value(row, i)});
    std::string key;
    write_tuple(key, values);
    Keys& table = tables_[shape.title];
    table.shape = &shape;
    table.deleted.insert(std::move(key));
  }
}

void MadeWay::put(const Shape& shape, const RowValues& row) {
  std::vector<Value> values;
  for (const size_t column : shape.key) values.push_back(row[column]);
  std::string key;
  write_tuple(key, values);
  tables_[shape.title].put.insert(std::move(key));
}

bool MadeWay::has(const Shape& shape, std::string_view key) const {
  const auto table = tables_.find(shape.title);
  return table != tables_.end() && table->second.deleted.contains(key);
}

Task<std::optional<Refusal>> MadeWay::count(Connection& connection, const ChildRights& rights, Walks& walks) const {
  for (const auto& [title, keys] : tables_) {
    const uint64_t rows = size_of_gone(title, keys.deleted, keys.put, walks);
    if (rows == 0) continue;
    Walk walk = walks.of(title);
    walk.deleted += rows;
    if (!walk.may_delete_extra && !co_await may_delete(connection, rights, *keys.shape, walk.deleted)) {
      Refusal refusal;
      refusal.held.reason = std::to_string(walk.deleted) + " rows of table " + title +
                            " are in the way of unique values of other rows: more than a refresh may delete by itself";
      refusal.held.hint = "Say `tributary resync " + title + " --child " + rights.child.name +
                          " --delete-extra` here, or raise [intake] max_delete and restart the agent.";
      co_return refusal;
    }
    StatementList list;
    add_deleted(list, rights.child.name, title, rows);
    const PipelineResult result = co_await run(connection, list);
    if (result.error) co_return Refusal{held_by("the walk of table " + title, *result.error), false};
    walks.set(title, std::move(walk));
    walks.set_outdated();
  }
  co_return std::nullopt;
}

}  // namespace tributary
