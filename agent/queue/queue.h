// The node's durable store of batches that the parent has not applied yet, and of what must agree with the slot.
//
//   capture ─append─▶ queue ─read_after─▶ uplink ─acknowledge─▶ queue
//
// One SQLite file (WAL mode, synchronous=FULL). Functions block, except stats, head, read_recent, relation and
// latest_relations, which answer from memory; capture and uplink call the others on a Worker of their own. Thread-safe:
// writer and reader side use separate connections. What a returned function wrote is fsynced (acknowledge excepted: to
// lose it only keeps batches longer). Errors: Error(resource) when a bound is reached, the disk is full or SQLite says
// busy or I/O error, nothing is stored then and the same call may be tried again; Error(setup) when the file is not a
// queue, or belongs to another process; QueueDamaged when it is corrupt. A file that is not a queue is never changed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "change/batch.h"
#include "change/position.h"
#include "change/relation.h"
#include "config/config.h"

namespace tributary {

// What the queue knows of its stream and of the slot it reads (exact-rules.md 1 and 2).
struct StreamRecord {
  Uuid stream;                    // nil: no stream yet
  std::string slot;               // the slot's name; set before the slot is made (the intent)
  std::string system_identifier;  // of the source's cluster
  uint32_t timeline = 0;
  std::vector<Uuid> nonces;           // {current}, or {old, new} while a renewal is under way; either counts
  Lsn confirm_lsn;                    // everything up to here is in the queue or needs no place in it
  std::optional<Commit> last_commit;  // of the last stored transaction; none before the first
  std::string break_reason;           // not empty: capture must begin a new stream after `break_after`, for this reason
  Position break_after;
  std::string replication_set;  // what was sent so far, in the words of flow/replication_set.h
};

struct QueueStats {
  uint64_t batches = 0;            // beyond the applied position
  uint64_t bytes = 0;              // of their payloads, as stored
  int64_t oldest_commit_time = 0;  // of the first change beyond the applied position; 0: none
  uint64_t file_bytes = 0;
  uint64_t disk_free_bytes = 0;
  Position head;     // the last stored position
  Position applied;  // the last position acknowledged by the parent
};

// An Error(setup). What can still be read of the file is not to be relied on.
class QueueDamaged : public Error {
 public:
  QueueDamaged(const std::string& path, const std::string& reason);
};

// A stored batch and the row it lies in.
struct StoredBatch {
  int64_t id = 0;
  Batch batch;
};

class Queue {
 public:
  struct Options {
    uint64_t ballast_bytes = 64ULL << 20;  // at most an eighth of the queue's bound is taken
    uint32_t pages_max = 0;                // of the SQLite file; 0: no limit of its own
    std::function<int64_t()> now;          // Unix time in microseconds; empty: the system's clock
  };

  // Opens or creates the file, takes its lock for life, makes the ballast file, drops the parts of transactions that
  // were never completed.
  explicit Queue(const QueueConfig& config);
  Queue(const QueueConfig& config, Options options);
  ~Queue();

  // Renames the file, with its -wal and -shm files, to PATH.damaged-TIME: the next queue begins empty. Error(setup)
  // when three were set aside before and are still there: a person has to look at the disk.
  static void set_aside(const QueueConfig& config);
  // Those that are there.
  static std::vector<std::string> files_set_aside(const QueueConfig& config);

  Uuid instance() const;  // made with the file
  // Whether any call has thrown QueueDamaged.
  bool is_damaged() const;

  // --- writer side ---
  // max_bytes, min_free_disk and keep of another configuration, from now on.
  void set_limits(const QueueConfig& config);
  StreamRecord stream_record();
  void store_stream_record(const StreamRecord& record);

  // Compresses the batches' payloads, appends them in order with the relations not stored yet, and sets confirm_lsn and
  // last_commit, all in one SQLite transaction. On failure nothing of it is stored. Every batch's `from` must be the
  // head (parts: of their transaction), else Error(internal).
  struct Append {
    std::vector<Batch> batches;       // payload not compressed
    std::vector<Relation> relations;  // shapes that the batches use, at least those new since the last append
    Lsn confirm_lsn;                  // 0: leave as it is
    std::optional<Commit> last_commit;
    std::map<std::string, std::string> notes = {};  // as store_note
  };
  void append(const Append& append);
  // Deletes the parts of a transaction that is not complete: after every START_REPLICATION it comes again from its
  // first change.
  void drop_incomplete();
  // Begins a new stream: appends the new_stream batch and stores `record`, in one transaction. With `discard_unsent`
  // every older batch is dropped first.
  void begin_stream(const Batch& batch, const StreamRecord& record, bool discard_unsent);
  Position head();
  // What another part of the agent has to remember over restarts, by name and in its own words; empty: nothing.
  std::string note(const std::string& name);
  void store_note(const std::string& name, const std::string& bytes);

  // --- reader side ---
  // Where to continue after `position`: the id of the batch that lies at or contains it, for read_after. The position
  // may lie between two transactions of one batch; read_after then returns the rest of it first, re-packed.
  // For the nil position, of a parent that knows nothing: the beginning of the newest stream, or of the first one when
  // nothing was ever acknowledged.
  // nullopt: the position is not in the queue and is not the last acknowledged one.
  struct Place {
    int64_t after_id = 0;       // batches with a greater id follow
    std::optional<Batch> rest;  // of the batch that holds the position in its middle; compressed
  };
  std::optional<Place> find(const Position& position);
  // Up to `batches_max` complete batches (and complete parts) in order, at most about `bytes_max` of payload, at
  // least one if there is one. Parts of a transaction that is not complete yet are not returned.
  std::vector<StoredBatch> read_after(int64_t id, size_t batches_max, uint64_t bytes_max);
  // The same from memory, without blocking, where all that follows `id` is small and was appended lately, with payloads
  // as they were appended; nullopt: only read_after knows.
  std::optional<std::vector<StoredBatch>> read_recent(int64_t id);
  Relation relation(uint64_t shape_id);      // Error(internal) when it was never stored
  std::vector<Relation> latest_relations();  // the last stored shape of every table

  // The parent has applied everything up to `position` and nothing beyond: at the beginning of a session, with the
  // position that `find` found, this also takes back what an earlier session acknowledged beyond it. Deletes batches
  // whose acknowledgement is older than `config.keep` (at once when space is short): call it now and then with the
  // same position when nothing new comes. Error(protocol) when the position is not in the queue.
  void acknowledge(const Position& position);

  QueueStats stats();

  // Called from any thread after an append committed, to wake the uplink.
  void on_append(std::function<void()> callback);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tributary
