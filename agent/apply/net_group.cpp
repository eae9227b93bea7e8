#include "apply/net_group.h"

#include <algorithm>

#include "apply/copy_text.h"
#include "apply/extra_rows.h"
#include "apply/known_keys.h"
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
  Table& table = table_of(change.shape_id, shape);
  if (change.kind != ChangeKind::chunk) return table.changes.add(change.kind, change.tuple);
  const ChunkView& chunk = table.chunks.emplace_back(parse_chunk(change.tuple));
  if (chunk.is_key_set) return false;
  return std::all_of(chunk.rows.begin(), chunk.rows.end(),
                     [&](std::string_view row) { return table.changes.add_refreshed(row); });
}

// Nobody else's row may lie in a chunk's range: then the careful way decides. Looked at before the group is written, so
// that every key that the group touches counts as known.
void NetGroup::add_chunks(StatementList& out, Table& table, Inserts inserts) {
  table.looks.clear();
  if (inserts == Inserts::by_copy && !table.changes.is_cleared()) return add_looks(out, table);
  if (!table.shape->may_clear) return;
  for (const ChunkView& chunk : table.chunks) {
    if (chunk.pages) continue;
    const KnownKeys keys(*table.shape, chunk);
    const std::vector<RowValues> touched = table.changes.rows(
        {RowState::removed, RowState::inserted, RowState::put, RowState::patched, RowState::present});
    add_no_others(out, *table.shape, keys.range(), keys.with(touched));
  }
}

void NetGroup::add_looks(StatementList& out, Table& table) {
  if (std::any_of(table.chunks.begin(), table.chunks.end(), [](const ChunkView& chunk) { return chunk.pages; })) {
    table.looks.push_back({out.size(), nullptr, UINT64_MAX});
    add_keys_here(out, *table.shape, table.changes.rows({RowState::refreshed}));
  }
  if (!table.shape->may_clear) return;
  for (const ChunkView& chunk : table.chunks) {
    if (chunk.pages) continue;
    const uint64_t rows_max = table.changes.count() + chunk.settled.size() + 1;
    table.looks.push_back({out.size(), &chunk, rows_max});
    add_keys_of_range(out, *table.shape, range_of(*table.shape, chunk), rows_max);
  }
}

// False: a row of the range is none that is known here.
bool NetGroup::take_look(Table& table, const Look& look, const Result& found) {
  if (static_cast<uint64_t>(found.rows()) >= look.rows_max) return false;
  for (int row = 0; row < found.rows(); ++row) {
    std::vector<std::string_view> key;
    std::vector<Value> values;
    for (int column = 0; column < found.columns(); ++column) {
      key.push_back(found.value(row, column));
      values.push_back({ValueKind::text, key.back()});
    }
    if (table.changes.note_present(key)) continue;
    std::string encoded;
    write_tuple(encoded, values);
    if (!look.range ||
        std::find(look.range->settled.begin(), look.range->settled.end(), encoded) == look.range->settled.end())
      return false;
  }
  return true;
}

void NetGroup::add_statements(StatementList& out, Inserts inserts, const std::string& child, Walks& walks) {
  for (auto& [name, table] : tables_)
    if (table.changes.is_cleared()) add_clear(out, *table.shape);
  for (auto& [name, table] : tables_) {
    add_chunks(out, table, inserts);
    for (const ChunkView& chunk : table.chunks) {
      auto next = step_of(walks.of(name), chunk);
      if (!next) throw Error(ErrorKind::protocol, "two chunks of one range, under two shapes");  // see needs_care
      WalkStep step = std::move(*next);
      step.walk.key_columns = table.shape->key_columns;
      step.take_rows(chunk.rows.size());
      if (step.walk.is_complete) step.walk.may_delete_extra = false;
      if (step.is_beginning) {
        add_forget_listed(out, child, name);
        add_begun(out, walks, child, *table.shape);
      }
      add_walked(out, child, name, step);
      walks.set(name, std::move(step.walk));
    }
  }
  for (auto& [name, table] : tables_) {
    const std::vector<RowValues> removed = table.changes.rows({RowState::removed});
    if (walks.of(name).has_listed) {
      add_unlist(out, *table.shape, removed, child);
      walks.set_outdated();
    }
    add_removes(out, *table.shape, removed);
  }
  for (auto& [name, table] : tables_) {
    const Walk walk = walks.of(name);
    const std::vector<RowValues> patched = table.changes.rows({RowState::patched});
    if (walk.is_complete)
      add_patches(out, *table.shape, patched);
    else
      add_walked_patches(out, *table.shape, patched, key_texts(*table.shape, walk.walked_to));
  }
  const bool is_upsert = inserts == Inserts::by_upsert;
  const RowState with_puts = is_upsert ? RowState::inserted : RowState::put;
  for (auto& [name, table] : tables_) {
    add_puts(out, *table.shape, table.changes.rows({RowState::put, with_puts}));
    if (is_upsert) add_refreshed(out, *table.shape, table.changes.rows({RowState::refreshed, RowState::present}));
    if (walks.of(name).has_listed)
      add_unlist(out, *table.shape,
                 table.changes.rows(
                     {RowState::patched, RowState::put, RowState::inserted, RowState::refreshed, RowState::present}),
                 child);
  }
}

bool NetGroup::needs_care(const Walks& walks) const {
  for (const auto& [name, table] : tables_) {
    Walk walk = walks.of(name);
    for (const ChunkView& chunk : table.chunks) {
      const auto step = step_of(walk, chunk);
      if (!step || (step->walk.is_complete && (step->walk.has_listed || chunk.keeps_extra))) return true;
      walk = step->walk;
    }
  }
  return false;
}

bool NetGroup::has_listed(const Walks& walks) const {
  return std::any_of(tables_.begin(), tables_.end(),
                     [&](const auto& entry) { return walks.of(entry.first).has_listed; });
}

bool NetGroup::has_chunks() const {
  return std::any_of(tables_.begin(), tables_.end(), [](const auto& entry) { return !entry.second.chunks.empty(); });
}

size_t NetGroup::inserted_rows() const {
  size_t rows = 0;
  for (auto& [name, table] : tables_)
    rows += table.changes.count(RowState::inserted) + table.changes.count(RowState::refreshed);
  return rows;
}

void NetGroup::sort_inserted() {
  for (auto& [name, table] : tables_) table.changes.sort_inserted();
}

Task<bool> NetGroup::copy_inserts(Connection& connection, const PipelineResult& answer) {
  StatementList list;
  for (auto& [name, table] : tables_) {
    for (const Look& look : table.looks)
      if (!take_look(table, look, answer.results[look.place])) co_return false;
    add_refreshed(list, *table.shape, table.changes.rows({RowState::present}));
  }
  if (list.size() > 0 && list.first_unexpected(co_await run(connection, list))) co_return false;
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
