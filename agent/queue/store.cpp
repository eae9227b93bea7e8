#include "queue/store.h"

#include <sqlite3.h>

#include <cerrno>

#include "base/error.h"
#include "queue/rows.h"

namespace tributary {

bool says_full(SQLite::Database& database, const SQLite::Exception& failure) {
  if (failure.getErrorCode() == SQLITE_FULL) return true;
  if (failure.getErrorCode() != SQLITE_IOERR) return false;
  const int error = sqlite3_system_errno(database.getHandle());
  return error == ENOSPC || error == EDQUOT || error == EFBIG;  // quotas and limits do not come as SQLITE_FULL
}

QueueDamaged::QueueDamaged(const std::string& path, const std::string& reason)
    : Error(ErrorKind::setup, "the queue " + path + " is damaged: " + reason,
            "move the file away (with its -wal and -shm files): the agent then begins a new stream") {}

void throw_as_error(const std::string& path, const SQLite::Exception& failure) {
  const std::string queue = "the queue " + path;
  const std::string reason = std::string(": ") + failure.what();
  switch (failure.getErrorCode()) {
    case SQLITE_FULL:
      throw Error(ErrorKind::resource, queue + " cannot grow" + reason, "make room on the disk of [queue] path");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorKind::resource, queue + " is locked" + reason, "close other programs that have the file open");
    case SQLITE_IOERR:
    case SQLITE_NOMEM: throw Error(ErrorKind::resource, queue + " cannot be read or written" + reason);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: throw QueueDamaged(path, failure.what());
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      throw Error(ErrorKind::setup, queue + " cannot be opened for writing" + reason,
                  "let the agent's user own the file and its directory");
    default: throw Error(ErrorKind::internal, queue + reason);
  }
}

Store::Store(const std::string& path, Durability durability, uint32_t pages_max)
    : database_(path, SQLite::OPEN_READWRITE, 5000) {
  database_.exec("PRAGMA journal_mode = WAL");
  database_.exec(durability == Durability::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  database_.exec("PRAGMA secure_delete = OFF");
  database_.exec("PRAGMA journal_size_limit = 67108864");
  if (pages_max != 0) database_.exec("PRAGMA max_page_count = " + std::to_string(pages_max));
}

SQLite::Statement& Store::prepared(const char* sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) found = statements_.try_emplace(sql, database_, sql).first;
  return found->second;
}

StoreState Store::state() {
  StoreState state;
  {
    Use row(prepared("SELECT instance, last_id, head, applied, complete_id, confirm_lsn, last_commit FROM state"));
    if (!row->executeStep()) throw SQLite::Exception("its state is missing", SQLITE_CORRUPT);
    state.instance = Uuid::from_bytes(row->getColumn(0).getString());
    state.last_id = row->getColumn(1).getInt64();
    state.head = position_at(*row, 2);
    state.applied = position_at(*row, 3);
    state.complete_id = row->getColumn(4).getInt64();
    state.confirm_lsn = {unsigned_at(*row, 5)};
    state.last_commit = commit_at(*row, 6);
  }
  const int64_t counted_in = state.last_id;
  {
    Use last(prepared("SELECT id, confirm_lsn, last_commit FROM batch WHERE id > ? ORDER BY id DESC LIMIT 1"));
    last->bind(1, counted_in);
    if (last->executeStep()) {
      state.last_id = last->getColumn(0).getInt64();
      state.confirm_lsn = {unsigned_at(*last, 1)};
      state.last_commit = commit_at(*last, 2);
    }
  }
  Use complete(prepared("SELECT id, to_position FROM batch WHERE id > ? AND is_last_part ORDER BY id DESC LIMIT 1"));
  complete->bind(1, counted_in);
  if (complete->executeStep()) {
    state.complete_id = complete->getColumn(0).getInt64();
    state.head = position_at(*complete, 1);
  }
  return state;
}

void Store::set_state(const StoreState& state) {
  Use update(prepared(
      "UPDATE state SET last_id = ?, head = ?, applied = ?, complete_id = ?, confirm_lsn = ?, last_commit = ?"));
  const std::string head = encode(state.head), applied = encode(state.applied), commit = encode(state.last_commit);
  update->bind(1, state.last_id);
  update->bind(2, head.data(), static_cast<int>(head.size()));
  update->bind(3, applied.data(), static_cast<int>(applied.size()));
  update->bind(4, state.complete_id);
  update->bind(5, as_stored(state.confirm_lsn.value));
  update->bind(6, commit.data(), static_cast<int>(commit.size()));
  update->exec();
}

StreamRecord Store::stream_record() {
  Use row(prepared(
      "SELECT stream, slot, system_identifier, timeline, nonces, confirm_lsn, last_commit, break_reason, break_after, "
      "replication_set "
      "FROM state"));
  if (!row->executeStep()) throw SQLite::Exception("its state is missing", SQLITE_CORRUPT);
  StreamRecord record;
  record.stream = Uuid::from_bytes(row->getColumn(0).getString());
  record.slot = row->getColumn(1).getString();
  record.system_identifier = row->getColumn(2).getString();
  record.timeline = row->getColumn(3).getUInt();
  const std::string nonces = row->getColumn(4).getString();
  for (ByteReader in(nonces); !in.empty();) record.nonces.push_back(Uuid::from_bytes(in.bytes(16)));
  record.confirm_lsn = {unsigned_at(*row, 5)};
  record.last_commit = commit_at(*row, 6);
  record.break_reason = row->getColumn(7).getString();
  record.break_after = position_at(*row, 8);
  record.replication_set = row->getColumn(9).getString();
  return record;
}

void Store::set_stream_record(const StreamRecord& record) {
  Use update(prepared(
      "UPDATE state SET stream = ?, slot = ?, system_identifier = ?, timeline = ?, nonces = ?, break_reason = ?, "
      "break_after = ?, replication_set = ?"));
  std::string nonces;
  for (const Uuid& nonce : record.nonces) nonces += nonce.to_bytes();
  const std::string stream = record.stream.to_bytes(), break_after = encode(record.break_after);
  update->bind(1, stream.data(), static_cast<int>(stream.size()));
  update->bind(2, record.slot);
  update->bind(3, record.system_identifier);
  update->bind(4, record.timeline);
  update->bind(5, nonces.data(), static_cast<int>(nonces.size()));
  update->bind(6, record.break_reason);
  update->bind(7, break_after.data(), static_cast<int>(break_after.size()));
  update->bind(8, record.replication_set);
  update->exec();
}

int64_t Store::acknowledged_id() {
  Use row(prepared("SELECT ifnull(max(batch_id), 0) FROM acknowledgement"));
  row->executeStep();
  return row->getColumn(0).getInt64();
}

int64_t Store::acknowledged_id_before(int64_t time) {
  Use row(prepared("SELECT ifnull(max(batch_id), 0) FROM acknowledgement WHERE time <= ?"));
  row->bind(1, time);
  row->executeStep();
  return row->getColumn(0).getInt64();
}

void Store::acknowledge(int64_t id, int64_t time) {
  {
    Use take_back(prepared("DELETE FROM acknowledgement WHERE batch_id > ?"));
    take_back->bind(1, id);
    take_back->exec();
  }
  {
    // Marks of one second become one: their number stays small, and no batch is deleted before its time.
    Use merge(prepared("DELETE FROM acknowledgement WHERE batch_id < ? AND time / 1000000 = ? / 1000000"));
    merge->bind(1, id);
    merge->bind(2, time);
    merge->exec();
  }
  Use insert(prepared("INSERT OR IGNORE INTO acknowledgement (batch_id, time) VALUES (?, ?)"));
  insert->bind(1, id);
  insert->bind(2, time);
  insert->exec();
}

void Store::forget_acknowledgements_before(int64_t id) {
  Use statement(prepared("DELETE FROM acknowledgement WHERE batch_id < ?"));
  statement->bind(1, id);
  statement->exec();
}

void Store::insert_relation(const Relation& relation) {
  const std::string bytes = relation.encode();
  Use insert(
      prepared("INSERT OR REPLACE INTO relation (shape_id, number, bytes) "
               "VALUES (?, (SELECT ifnull(max(number), 0) + 1 FROM relation), ?)"));
  insert->bind(1, as_stored(relation.shape_id()));
  insert->bind(2, bytes.data(), static_cast<int>(bytes.size()));
  insert->exec();
}

std::vector<Relation> Store::relations() {
  Use row(prepared("SELECT bytes FROM relation ORDER BY number"));
  std::vector<Relation> relations;
  while (row->executeStep()) relations.push_back(Relation::decode(row->getColumn(0).getString()));
  return relations;
}

// Files of before have no table for it.
std::string Store::note(const std::string& name) {
  if (!database_.tableExists("note")) return {};
  Use row(prepared("SELECT bytes FROM note WHERE name = ?"));
  row->bind(1, name);
  return row->executeStep() ? row->getColumn(0).getString() : std::string();
}

void Store::set_note(const std::string& name, const std::string& bytes) {
  database_.exec("CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, bytes BLOB NOT NULL)");
  Use insert(prepared("INSERT OR REPLACE INTO note (name, bytes) VALUES (?, ?)"));
  insert->bind(1, name);
  insert->bind(2, bytes.data(), static_cast<int>(bytes.size()));
  insert->exec();
}

uint64_t Store::file_bytes() {
  Use pages(prepared("PRAGMA page_count")), size(prepared("PRAGMA page_size"));
  pages->executeStep();
  size->executeStep();
  return unsigned_at(*pages, 0) * unsigned_at(*size, 0);
}

uint64_t Store::free_bytes() {
  Use pages(prepared("PRAGMA freelist_count")), size(prepared("PRAGMA page_size"));
  pages->executeStep();
  size->executeStep();
  return unsigned_at(*pages, 0) * unsigned_at(*size, 0);
}

void Store::checkpoint() {
  database_.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

}  // namespace tributary
