#include "apply/net_group.h"

#include "apply/copy_text.h"
#include "apply/transaction.h"

namespace tributary {
namespace {

constexpr size_t kCopyPieceBytes = 64 << 10;

}  // namespace

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

void NetGroup::add_statements(StatementList& out, Inserts inserts) {
  for (auto& [name, table] : tables_)
    if (table.changes.is_cleared()) add_clear(out, *table.shape);
  for (auto& [name, table] : tables_) add_removes(out, *table.shape, table.changes.rows({RowState::removed}));
  for (auto& [name, table] : tables_) add_patches(out, *table.shape, table.changes.rows({RowState::patched}));
  const RowState with_puts = inserts == Inserts::by_upsert ? RowState::inserted : RowState::put;
  for (auto& [name, table] : tables_) add_puts(out, *table.shape, table.changes.rows({RowState::put, with_puts}));
}

size_t NetGroup::inserted_rows() const {
  size_t rows = 0;
  for (auto& [name, table] : tables_) rows += table.changes.count(RowState::inserted);
  return rows;
}

void NetGroup::sort_inserted() {
  for (auto& [name, table] : tables_) table.changes.sort_inserted();
}

Task<bool> NetGroup::copy_inserts(Connection& connection) {
  for (auto& [name, table] : tables_) {
    InsertedRows rows = table.changes.inserted_rows();
    if (rows.size() == 0) continue;
    const size_t columns = table.shape->columns.size();
    const auto next_piece = [&](std::string& piece) {
      while (!rows.at_end() && piece.size() < kCopyPieceBytes) append_copy_row(piece, rows.next(), columns);
    };
    try {
      const Result result = co_await connection.copy_in(copy_command(*table.shape), next_piece);
      if (result.affected() != rows.size()) co_return false;
    } catch (const Error& error) {
      if (passes_by_itself(error)) throw;
      co_return false;
    }
  }
  co_return true;
}

bool NetGroup::add_replacing_statements(StatementList& out) {
  for (auto& [name, table] : tables_) {
    const auto puts = table.changes.rows({RowState::put, RowState::inserted});
    if (table.changes.count(RowState::patched) > 0) return false;
    if (table.shape->has_unsent_columns && !puts.empty()) return false;
    if (table.changes.is_cleared()) add_clear(out, *table.shape);
    add_removes(out, *table.shape, table.changes.rows({RowState::removed}));
    add_removes(out, *table.shape, puts);
  }
  for (auto& [name, table] : tables_)
    add_puts(out, *table.shape, table.changes.rows({RowState::put, RowState::inserted}));
  return true;
}

}  // namespace tributary
