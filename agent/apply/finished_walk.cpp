#include "apply/finished_walk.h"

#include <spdlog/spdlog.h>

#include "apply/extra_rows.h"
#include "apply/transaction.h"

namespace tributary {
namespace {

constexpr uint64_t kShareOfRows = 100;  // one per cent

// The parameters live in `list` until it has run.
Task<PipelineResult> run_all(Connection& connection, StatementList list) {
  PipelineResult result = co_await run(connection, list);
  if (result.error) throw *result.error;
  co_return result;
}

}  // namespace

Task<bool> may_delete(Connection& connection, const ChildRights& rights, const Shape& shape, uint64_t rows) {
  if (rows <= rights.deletions_max) co_return true;
  StatementList list;
  add_count_rows(list, shape);
  const PipelineResult counted = co_await run_all(connection, std::move(list));
  co_return rows <= static_cast<uint64_t>(counted.results.front().integer(0, 0)) / kShareOfRows;
}

Task<> finish_walk(Connection& connection, const ChildRights& rights, const Shape& shape, Walks& walks, Walk& walk,
                   bool keeps_extra) {
  const bool is_allowed = walk.may_delete_extra;
  walk.may_delete_extra = is_allowed && keeps_extra;
  if (keeps_extra && (walk.has_listed || rights.has_parent)) {
    StatementList list;
    add_to_be_compared(list, walks, rights.child.name, shape.title);
    co_await run_all(connection, std::move(list));
  }
  if (!walk.has_listed) co_return;
  StatementList look;
  add_unlist_missing(look, shape, rights.child.name);
  add_count_listed(look, shape, rights.child.name);
  const PipelineResult looked = co_await run_all(connection, std::move(look));
  const auto listed = static_cast<uint64_t>(looked.results.back().integer(0, 0));
  if (keeps_extra) {
    spdlog::info("refresh: {} rows of table {} are kept that {} does not have: not all that its children send is there",
                 listed, shape.title, rights.child.name);
    walk.kept = listed;
    walk.has_listed = listed > 0;
    co_return;
  }
  const bool is_few = is_allowed || co_await may_delete(connection, rights, shape, walk.deleted + listed);
  if (!is_few) {
    spdlog::warn("refresh: {} rows of table {} that {} does not have are kept, and named in tributary.extra", listed,
                 shape.title, rights.child.name);
    walk.kept = listed;
    co_return;
  }
  StatementList list;
  add_delete_listed(list, shape, rights.child.name);
  const PipelineResult deleted = co_await run_all(connection, std::move(list));
  walk.deleted += deleted.results.front().affected();
  walk.has_listed = false;
}

}  // namespace tributary
