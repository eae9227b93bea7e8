// Store's rows of batches: writing, reading, finding and deleting them.
#include <sqlite3.h>

#include "queue/rows.h"
#include "queue/store.h"

namespace tributary {
namespace {

// The columns of `batch` in the order that row_from reads.
#define TRIBUTARY_BATCH_COLUMNS                                                                                  \
  "id, kind, from_position, to_position, part, is_last_part, relations, raw_bytes, changes, first_commit_time, " \
  "reason, stored_bytes"

BatchRow row_from(const SQLite::Statement& row) {
  BatchRow result;
  result.id = row.getColumn(0).getInt64();
  Batch& batch = result.batch;
  batch.kind = static_cast<BatchKind>(row.getColumn(1).getInt());
  batch.from = position_at(row, 2);
  batch.to = position_at(row, 3);
  batch.part = row.getColumn(4).getUInt();
  batch.is_last_part = row.getColumn(5).getInt() != 0;
  const std::string relations = row.getColumn(6).getString();
  for (ByteReader in(relations); !in.empty();) batch.relations.push_back(in.u64());
  batch.raw_bytes = unsigned_at(row, 7);
  batch.changes = row.getColumn(8).getUInt();
  batch.first_commit_time = row.getColumn(9).getInt64();
  batch.reason = row.getColumn(10).getString();
  result.stored_bytes = unsigned_at(row, 11);
  return result;
}

}  // namespace

int64_t Store::insert(const Batch& batch, std::string_view payload, uint64_t raw_bytes) {
  const std::string from = encode(batch.from), to = encode(batch.to), stream = batch.to.stream.to_bytes();
  std::string relations;
  for (const uint64_t shape_id : batch.relations) put_u64(relations, shape_id);
  {
    Use insert(prepared(
        "INSERT INTO batch (kind, from_position, to_position, part, is_last_part, relations, raw_bytes, changes, "
        "first_commit_time, reason, stored_bytes, stream, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    insert->bind(1, static_cast<int>(batch.kind));
    insert->bind(2, from.data(), static_cast<int>(from.size()));
    insert->bind(3, to.data(), static_cast<int>(to.size()));
    insert->bind(4, batch.part);
    insert->bind(5, batch.is_last_part ? 1 : 0);
    insert->bind(6, relations.data(), static_cast<int>(relations.size()));
    insert->bind(7, as_stored(raw_bytes));
    insert->bind(8, batch.changes);
    insert->bind(9, batch.first_commit_time);
    insert->bind(10, batch.reason);
    insert->bind(11, as_stored(payload.size()));
    insert->bind(12, stream.data(), static_cast<int>(stream.size()));
    insert->bind(13, as_stored(batch.to.seq));
    insert->exec();
  }
  const int64_t id = database_.getLastInsertRowid();
  Use insert(prepared("INSERT INTO payload (id, bytes) VALUES (?, ?)"));
  insert->bind(1, id);
  insert->bindNoCopy(2, payload.empty() ? "" : payload.data(), static_cast<int>(payload.size()));
  insert->exec();
  return id;
}

std::string Store::payload(int64_t id) {
  Use row(prepared("SELECT bytes FROM payload WHERE id = ?"));
  row->bind(1, id);
  if (!row->executeStep()) throw SQLite::Exception("a payload is missing", SQLITE_CORRUPT);
  return row->getColumn(0).getString();
}

std::vector<BatchRow> Store::rows_after(int64_t id, int64_t last_id, size_t count_max, uint64_t bytes_max) {
  Use row(prepared("SELECT " TRIBUTARY_BATCH_COLUMNS " FROM batch WHERE id > ? AND id <= ? ORDER BY id"));
  row->bind(1, id);
  row->bind(2, last_id);
  std::vector<BatchRow> rows;
  uint64_t bytes = 0;
  while (rows.size() < count_max && row->executeStep()) {
    BatchRow next = row_from(*row);
    bytes += next.stored_bytes;
    if (!rows.empty() && bytes > bytes_max) break;
    rows.push_back(std::move(next));
  }
  return rows;
}

std::optional<Located> Store::locate(const Position& position, const StoreState& state) {
  const std::string stream = position.stream.to_bytes();
  {
    Use row(prepared("SELECT " TRIBUTARY_BATCH_COLUMNS
                     " FROM batch WHERE stream = ? AND seq = ? AND is_last_part AND id <= ?"));
    row->bind(1, stream.data(), static_cast<int>(stream.size()));
    row->bind(2, as_stored(position.seq));
    row->bind(3, state.complete_id);
    if (row->executeStep()) {
      const BatchRow found = row_from(*row);
      if (found.batch.to != position) return std::nullopt;
      return Located{found.id, std::nullopt};
    }
  }
  if (position.is_nil()) {
    // A parent that never took anything begins with the first stream. One that was made to forget a broken stream takes
    // up the newest: an older one, were it still here whole, would turn its rows back and end at the same break.
    Use row(
        prepared("SELECT CASE WHEN (SELECT max(batch_id) FROM acknowledgement) > 0 THEN max(id) ELSE min(id) END "
                 "FROM batch WHERE kind = ? AND id <= ?"));
    row->bind(1, static_cast<int>(BatchKind::new_stream));
    row->bind(2, state.complete_id);
    if (!row->executeStep() || row->isColumnNull(0)) return std::nullopt;
    return Located{row->getColumn(0).getInt64() - 1, std::nullopt};
  }
  const std::vector<BatchRow> oldest = rows_after(0, state.complete_id, 1, 0);
  if (!oldest.empty() && oldest[0].batch.from == position && oldest[0].batch.part == 0)
    return Located{oldest[0].id - 1, std::nullopt};
  {
    Use row(prepared("SELECT " TRIBUTARY_BATCH_COLUMNS
                     " FROM batch WHERE stream = ? AND seq > ? AND id <= ? ORDER BY seq LIMIT 1"));
    row->bind(1, stream.data(), static_cast<int>(stream.size()));
    row->bind(2, as_stored(position.seq));
    row->bind(3, state.complete_id);
    if (row->executeStep()) {
      BatchRow found = row_from(*row);
      const Position& from = found.batch.from;
      if (from.stream != position.stream || from.seq >= position.seq) return std::nullopt;
      const int64_t before = found.id - 1;
      return Located{before, std::move(found)};
    }
  }
  if (position == state.head) return Located{state.complete_id, std::nullopt};
  return std::nullopt;
}

BatchSums Store::sums(int64_t after_id, int64_t last_id) {
  Use row(prepared("SELECT count(*), ifnull(sum(stored_bytes), 0) FROM batch WHERE id > ? AND id <= ?"));
  row->bind(1, after_id);
  row->bind(2, last_id);
  row->executeStep();
  return {unsigned_at(*row, 0), unsigned_at(*row, 1)};
}

int64_t Store::first_commit_time_after(int64_t id) {
  Use row(prepared("SELECT first_commit_time FROM batch WHERE id > ? AND first_commit_time <> 0 ORDER BY id LIMIT 1"));
  row->bind(1, id);
  return row->executeStep() ? row->getColumn(0).getInt64() : 0;
}

BatchSums Store::remove(int64_t after_id, int64_t last_id, size_t count_max) {
  BatchSums removed;
  int64_t end = 0;
  {
    Use row(
        prepared("SELECT count(*), ifnull(sum(stored_bytes), 0), ifnull(max(id), 0) FROM "
                 "(SELECT id, stored_bytes FROM batch WHERE id > ? AND id <= ? ORDER BY id LIMIT ?)"));
    row->bind(1, after_id);
    row->bind(2, last_id);
    row->bind(3, as_stored(count_max));
    row->executeStep();
    removed = {unsigned_at(*row, 0), unsigned_at(*row, 1)};
    end = row->getColumn(2).getInt64();
  }
  for (const char* sql :
       {"DELETE FROM payload WHERE id > ? AND id <= ?", "DELETE FROM batch WHERE id > ? AND id <= ?"}) {
    Use statement(prepared(sql));
    statement->bind(1, after_id);
    statement->bind(2, end);
    statement->exec();
  }
  return removed;
}

}  // namespace tributary
