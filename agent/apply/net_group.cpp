#include "apply/net_group.h"

namespace tributary {

NetGroup::Table& NetGroup::table_of(uint64_t shape_id, const Shape& shape) {
  if (last_ && last_->shape_id == shape_id) return *last_;
  const auto added =
      tables_.try_emplace(shape.title, Table{shape_id, &shape, TableChanges(shape.columns.size(), shape.key)});
  last_ = &added.first->second;
  return *last_;
}

bool NetGroup::has_room_for(uint64_t shape_id, const Shape& shape) {
  return table_of(shape_id, shape).shape_id == shape_id;
}

bool NetGroup::add(const GroupChange& change, const Shape& shape) {
  if (change.kind == ChangeKind::clear && !shape.may_clear) return false;
  return table_of(change.shape_id, shape).changes.add(change.kind, change.tuple);
}

void NetGroup::add_statements(StatementList& out) const {
  for (const auto& [name, table] : tables_)
    if (table.changes.is_cleared()) add_clear(out, *table.shape);
  for (const auto& [name, table] : tables_) add_removes(out, *table.shape, table.changes.rows(RowState::removed));
  for (const auto& [name, table] : tables_) add_patches(out, *table.shape, table.changes.rows(RowState::patched));
  for (const auto& [name, table] : tables_) add_puts(out, *table.shape, table.changes.rows(RowState::put));
}

bool NetGroup::add_replacing_statements(StatementList& out) const {
  for (const auto& [name, table] : tables_) {
    if (!table.changes.rows(RowState::patched).empty()) return false;
    if (table.shape->has_unsent_columns && !table.changes.rows(RowState::put).empty()) return false;
    if (table.changes.is_cleared()) add_clear(out, *table.shape);
    add_removes(out, *table.shape, table.changes.rows(RowState::removed));
    add_removes(out, *table.shape, table.changes.rows(RowState::put));
  }
  for (const auto& [name, table] : tables_) add_puts(out, *table.shape, table.changes.rows(RowState::put));
  return true;
}

}  // namespace tributary
