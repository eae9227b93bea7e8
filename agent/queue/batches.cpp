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

void Store::insert(int64_t id, const Batch& batch, std::string_view payload, const StoreState* state) {
  const std::string from = encode(batch.from), to = encode(batch.to);
  const std::string last_commit = state ? encode(state->last_commit) : std::string();
  std::string relations;
  for (const uint64_t shape_id : batch.relations) put_u64(relations, shape_id);
  Use insert(prepared(
      "INSERT INTO batch (id, kind, from_position, to_position, part, is_last_part, relations, raw_bytes, changes, "
      "first_commit_time, reason, confirm_lsn, last_commit, stored_bytes, payload) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert->bind(1, id);
  insert->bind(2, static_cast<int>(batch.kind));
  insert->bindNoCopy(3, from.data(), static_cast<int>(from.size()));
  insert->bindNoCopy(4, to.data(), static_cast<int>(to.size()));
  insert->bind(5, batch.part);
  insert->bind(6, batch.is_last_part ? 1 : 0);
  insert->bindNoCopy(7, relations.data(), static_cast<int>(relations.size()));
  insert->bind(8, as_stored(batch.payload.size()));
  insert->bind(9, batch.changes);
  insert->bind(10, batch.first_commit_time);
  insert->bind(11, batch.reason);
  insert->bind(12, state ? as_stored(state->confirm_lsn.value) : 0);
  insert->bindNoCopy(13, last_commit.data(), static_cast<int>(last_commit.size()));
  insert->bind(14, as_stored(payload.size()));
  insert->bindNoCopy(15, payload.empty() ? "" : payload.data(), static_cast<int>(payload.size()));
  insert->exec();
}

std::string Store::payload(int64_t id) {
  Use row(prepared("SELECT payload FROM batch WHERE id = ?"));
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
  if (position.is_nil()) {
    // A parent that never took anything begins with the first stream. One that was made to forget a broken stream takes
    // up the newest: an older one, were it still here whole, would turn its rows back and end at the same break.
    Use row(
        prepared("SELECT CASE WHEN (SELECT max(batch_id) FROM acknowledgement) > 0 THEN max(id) ELSE min(id) END "
                 "FROM batch WHERE kind = 1 AND id <= ?"));
    row->bind(1, state.complete_id);
    if (!row->executeStep() || row->isColumnNull(0)) return std::nullopt;
    return Located{row->getColumn(0).getInt64() - 1, std::nullopt};
  }
  const std::optional<Range> range = range_of(position.stream, state.complete_id);
  const std::optional<BatchRow> reaching = range ? first_reaching(position.seq, *range) : std::nullopt;
  if (reaching && reaching->batch.is_last_part && reaching->batch.to.seq == position.seq) {
    if (reaching->batch.to != position) return std::nullopt;
    return Located{reaching->id, std::nullopt};
  }
  const std::vector<BatchRow> oldest = rows_after(0, state.complete_id, 1, 0);
  if (!oldest.empty() && oldest[0].batch.from == position && oldest[0].batch.part == 0)
    return Located{oldest[0].id - 1, std::nullopt};
  if (std::optional<BatchRow> beyond = range ? first_reaching(position.seq + 1, *range) : std::nullopt) {
    if (beyond->batch.from.stream != position.stream || beyond->batch.from.seq >= position.seq) return std::nullopt;
    const int64_t before = beyond->id - 1;
    return Located{before, std::move(beyond)};
  }
  if (position == state.head) return Located{state.complete_id, std::nullopt};
  return std::nullopt;
}

std::optional<Store::Range> Store::range_of(const Uuid& stream, int64_t last_id) {
  const std::vector<BatchRow> oldest = rows_after(0, last_id, 1, 0);
  if (oldest.empty()) return std::nullopt;
  std::optional<Range> range;
  if (oldest[0].batch.to.stream == stream) range = Range{oldest[0].id, last_id};
  Use beginning(prepared("SELECT id, to_position FROM batch WHERE kind = 1 AND id > ? AND id <= ? ORDER BY id"));
  beginning->bind(1, oldest[0].id);
  beginning->bind(2, last_id);
  while (beginning->executeStep()) {
    const int64_t id = beginning->getColumn(0).getInt64();
    if (range) {
      range->last = id - 1;
      break;
    }
    if (position_at(*beginning, 1).stream == stream) range = Range{id, last_id};
  }
  return range;
}

std::optional<BatchRow> Store::first_reaching(uint64_t seq, Range range) {
  std::optional<BatchRow> found;
  while (range.first <= range.last) {
    const int64_t middle = range.first + (range.last - range.first) / 2;
    std::vector<BatchRow> row = rows_after(middle - 1, range.last, 1, 0);
    if (!row.empty() && row[0].batch.to.seq < seq) {
      range.first = row[0].id + 1;
    } else {
      range.last = middle - 1;
      if (!row.empty()) found = std::move(row[0]);
    }
  }
  return found;
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
  Use statement(prepared("DELETE FROM batch WHERE id > ? AND id <= ?"));
  statement->bind(1, after_id);
  statement->bind(2, end);
  statement->exec();
  return removed;
}

}  // namespace tributary
