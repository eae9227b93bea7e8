// What an open queue holds: the file's lock, the ballast, a connection for each side, and in memory the few figures
// that are asked for all the time. Above it queue.cpp says what is stored; here lies how it gets to the disk.
//
// Locks are taken in the order write_mutex, read_mutex, memory_mutex.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "queue/ballast.h"
#include "queue/lock.h"
#include "queue/recent.h"
#include "queue/store.h"

namespace tributary {

// Whether something that is done once in `interval` is not due at `now`. A clock that was set back makes it due.
inline bool is_early(int64_t now, int64_t due, int64_t interval) {
  return now < due && due - now <= interval;
}

struct Queue::State {
  State(const QueueConfig& queue_config, Options queue_options);

  // Runs `work` in one transaction of `store`, with write_mutex held. `work` may run twice (room is made in between
  // when the disk is full), so it changes nothing in memory. `needs_ballast`: not into the space held back.
  template <typename Work>
  void write(Store& store, bool needs_ballast, Work work) {
    for (bool was_full = false;;) {
      try {
        SQLite::Transaction transaction(store.database(), SQLite::TransactionBehavior::IMMEDIATE);
        work();
        transaction.commit();
        return;
      } catch (const SQLite::Exception& failure) {
        if (was_full || !says_full(store.database(), failure)) fail(failure);
        was_full = true;
      }
      make_room(needs_ballast);
    }
  }
  // Runs `work` with failures of SQLite, and stored bytes that mean nothing, thrown as what they are for the queue.
  template <typename Work>
  auto read(Work work) {
    try {
      return work();
    } catch (const SQLite::Exception& failure) {
      fail(failure);
    } catch (const Error& failure) {
      if (failure.kind() != ErrorKind::protocol) throw;
      is_damaged = true;
      throw QueueDamaged(config.path, failure.message());
    }
  }
  [[noreturn]] void fail(const SQLite::Exception& failure);

  StoreState remembered() const;  // a copy of `stored`
  void remember(const StoreState& state);
  void wake();  // calls on_append

  // --- space.cpp: write_mutex held ---
  void require_room(uint64_t bytes);   // throws Error(resource) when a bound says no
  void make_room(bool needs_ballast);  // after SQLITE_FULL
  void trim_acknowledged();            // what was kept long enough, or all when space is short
  // Deletes rows up to `last_row`, a few per transaction, until `live_bytes` is at most `bytes_max`.
  void trim(int64_t last_row, uint64_t bytes_max, size_t deletions_max);  // throws SQLite::Exception
  void free_rows(int64_t last_row, uint64_t bytes_max);                   // also on a full disk
  void shrink_file();                                                     // VACUUM of a large file that is nearly empty
  void grow_log();                                                        // so that appends overwrite it
  void keep_log_small();  // of a write-ahead log that no checkpoint could begin anew
  uint64_t disk_free_bytes() const;

  void store_acknowledgement();  // of acknowledged_id; both mutexes held
  void count_anew();             // the figures below, from the file
  void drop_incomplete();
  void keep_relation(const Relation& relation);  // memory_mutex held

  std::atomic<bool> is_damaged = false;
  QueueConfig config;  // its path never changes; the rest is the writer's, with write_mutex held
  const Options options;
  FileLock lock;
  Ballast ballast;

  std::mutex write_mutex;
  std::optional<Store> writer;
  int64_t trimmed_id = 0;       // rows up to here were deleted
  int64_t file_care_after = 0;  // no VACUUM or forced checkpoint before this time
  uint32_t next_part = 0;       // of the transaction whose parts are coming in; 0: none

  int64_t stored_acknowledgement = 0;  // the acknowledged_id that the file knows
  int64_t acknowledgement_after = 0;   // the next one is not stored before this time, unless it takes something back

  std::mutex read_mutex;
  std::optional<Store> reader;

  mutable std::mutex memory_mutex;  // for what follows; changed only with write_mutex held
  StoreState stored;
  int64_t acknowledged_id = 0;
  BatchSums unapplied;      // rows beyond acknowledged_id
  uint64_t live_bytes = 0;  // of all payloads
  int64_t oldest_commit_time = 0;
  RecentBatches recent;
  std::map<uint64_t, Relation> relations;
  std::map<std::string, uint64_t> latest_shapes;  // "schema.table" -> shape id

  std::mutex callback_mutex;
  std::function<void()> on_append;
};

}  // namespace tributary
