// The queue's SQLite file: its tables, one connection to it, and rows as values. Only the files of this folder see
// SQLite. What may be stored when, and what is deleted, is decided in queue.cpp.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "queue/queue.h"

namespace tributary {

// Makes sure that `path` is a queue: creates one where there is nothing, atomically; throws Error(setup), with the file
// untouched, when something else is there.
void create_or_recognize(const std::string& path);

bool says_full(SQLite::Database& database, const SQLite::Exception& failure);
[[noreturn]] void throw_as_error(const std::string& path, const SQLite::Exception& failure);

// What the one row of the table `state` holds together with the rows of `batch` stored since it was written; the rest
// of the stream record excepted.
struct StoreState {
  Uuid instance;
  int64_t last_id = 0;  // of the last row that was ever stored
  Position head;
  Position applied;
  int64_t complete_id = 0;  // rows beyond it are parts of a transaction that is not complete
  Lsn confirm_lsn;
  std::optional<Commit> last_commit;
};

struct BatchSums {
  uint64_t batches = 0;
  uint64_t bytes = 0;
};

// One row of the table `batch`, without its payload.
struct BatchRow {
  int64_t id = 0;
  uint64_t stored_bytes = 0;
  Batch batch;
};

// The place of a position among the rows.
struct Located {
  int64_t after_id = 0;
  std::optional<BatchRow> inside;  // the batch in whose middle the position may lie
};

// One connection, with its prepared statements. Not thread-safe. Throws SQLite::Exception.
class Store {
 public:
  enum class Durability { full, none };  // whether a commit waits for the disk
  Store(const std::string& path, Durability durability, uint32_t pages_max);

  SQLite::Database& database() { return database_; }

  // --- state ---
  StoreState state();
  void set_state(const StoreState& state);
  StreamRecord stream_record();                        // its confirm_lsn and last_commit may be older than state()'s
  void set_stream_record(const StreamRecord& record);  // those two excepted

  // --- batches ---
  // Stores `batch` with this compressed payload as row `id`. The last row of an append says what `state` would:
  // `state` is the one after it; otherwise nullptr.
  void insert(int64_t id, const Batch& batch, std::string_view payload, const StoreState* state);
  std::string payload(int64_t id);
  std::vector<BatchRow> rows_after(int64_t id, int64_t last_id, size_t count_max, uint64_t bytes_max);
  // Where `position` lies among the rows up to `state.complete_id`; nullopt: nowhere.
  std::optional<Located> locate(const Position& position, const StoreState& state);
  BatchSums sums(int64_t after_id, int64_t last_id);
  int64_t first_commit_time_after(int64_t id);
  // Deletes rows in (after_id, last_id], oldest first, at most `count_max` of them; returns what they held. Belongs
  // with a set_state: what the rows say may be in no other place.
  BatchSums remove(int64_t after_id, int64_t last_id, size_t count_max);

  // --- acknowledgements: "everything up to this row was applied at that time" ---
  int64_t acknowledged_id();
  int64_t acknowledged_id_before(int64_t time);
  void acknowledge(int64_t id, int64_t time);  // takes back marks of greater ids
  void forget_acknowledgements_before(int64_t id);

  // --- relations ---
  void insert_relation(const Relation& relation);
  std::vector<Relation> relations();  // in the order of their storing

  // --- notes ---
  std::string note(const std::string& name);
  void set_note(const std::string& name, const std::string& bytes);

  // --- the file ---
  uint64_t file_bytes();
  uint64_t free_bytes();  // pages inside the file that can be used again
  void checkpoint();      // empties the write-ahead log into the file, if no reader is in the way

 private:
  struct Range {
    int64_t first = 0, last = 0;
  };
  std::optional<Range> range_of(const Uuid& stream, int64_t last_id);
  // The first row of a stream's range that reaches `seq` or more; nullopt: none does.
  std::optional<BatchRow> first_reaching(uint64_t seq, Range range);
  SQLite::Statement& prepared(const char* sql);

  SQLite::Database database_;
  std::map<const char*, SQLite::Statement> statements_;  // by the address of the literal
};

}  // namespace tributary
