// The lane of one child at its parent: batches in, applied positions out.
//
//   intake ─push─▶ lane ─applier─▶ PostgreSQL        lane ─report─▶ intake ─▶ Ack
//
// A lane lives as long as its child's session. It takes a connection of the pool only while it has work, groups what
// arrived while the previous group was written, and applies a lone batch at once. What is refused holds the lane and
// is tried again at a slow pace, so that mending the cause is noticed; failures of the database are waited out. A table
// that does not fit holds nothing: it is looked at again now and then.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apply/applier.h"
#include "base/retry.h"
#include "base/task.h"
#include "change/batch.h"
#include "postgres/pool.h"

namespace tributary {

// Why a lane stands still.
struct LaneHold {
  std::string reason;
  std::string hint;
  std::string sqlstate;
  int64_t since = 0;      // Unix time, milliseconds
  bool waiting = false;   // for the database, which is tried again; otherwise for a person
  bool is_pause = false;  // a person paused the child
  friend bool operator==(const LaneHold&, const LaneHold&) = default;
};

struct LaneReport {
  Position applied;             // committed in the database
  uint64_t consumed_bytes = 0;  // of the batches committed, or written into an open transaction
  std::optional<LaneHold> hold;
  uint64_t transactions = 0;  // committed since the lane began
  uint64_t changes = 0;
  int64_t last_commit_time = 0;  // of the last transaction committed; microseconds since 2000-01-01, 0: none
  std::vector<TableAttention> attentions;
  uint64_t deletes_left_out = 0;  // that the child ever sent of rows that are not its own
  // Tables of which all is here that the child has, as of `applied`.
  std::shared_ptr<const std::set<std::string>> settled = std::make_shared<const std::set<std::string>>();
  friend bool operator==(const LaneReport&, const LaneReport&) = default;
};

// What has to outlive a session: kept by the lane's owner for each child while the agent runs.
struct LaneMemory {
  std::optional<Position> refused_after;  // the large transaction after this position was refused
  Way next_way = Way::fast;               // how it has to be written
  std::optional<LaneHold> hold;           // that it was refused; shown until it is applied
  std::optional<LaneHold> pause;          // a person's; nothing is applied meanwhile
  uint32_t refusals = 0;                  // how often in a row, written carefully
  // Tables that a person wants refreshed, as far as a lane was told; true: what is extra may go.
  std::map<std::string, bool> requested_walks;
  std::set<std::string> unlimited_tables;  // whose rows the child may all write although it has `owns`: said once

  void forget_refusals() {
    refused_after.reset();
    hold.reset();
    refusals = 0;
  }
};

// How long a large transaction that was refused so often waits before all of it is sent and written again.
Clock::duration pause_after_refusals(uint32_t refusals);

class Lane {
 public:
  Lane(ChildRights rights, ConnectionPool& pool, LaneMemory& memory);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Reads the applied position, which the first batch has to follow; nil: nothing was ever applied. With it comes all
  // that is known of the child's tables. Call first.
  Task<Want> open();
  void add_relation(uint64_t shape_id, Relation relation);
  // Throws Error(protocol) when the batch does not follow the one pushed before.
  void push(Batch batch);
  // Applies what is pushed, until cancelled. `on_report` is called for each change of the report. Throws when the
  // session has to end and to begin again from the applied position.
  Task<> run(std::function<void(const LaneReport&)> on_report);
  // Takes the walk of a table back to its beginning, soon; the child then hears that it has to be walked. After
  // request_walk (apply/walks.h) has written down that a person wants it.
  void take_requested_walk(const std::string& table, bool may_delete_extra);
  // The memory's `pause` is another one. A group that is being written is finished.
  void take_pause();
  // What the child is to hear of its tables, in order; a report follows when there is something new.
  bool has_wants() const { return !wants_.empty(); }
  std::vector<Want> take_wants() { return std::exchange(wants_, {}); }

 private:
  Task<> wait_for_batch();  // or a pause
  Task<> wait_while_paused();
  Task<> wait_for_work();
  Task<> begin_walks(Connection& connection);
  Task<> attempt();
  Task<> apply_parts(ConnectionPool::Lease lease);
  void take_applied(const Position& applied);
  void settle(const Outcome& outcome);
  void hold(const Held& held, bool is_waiting);
  void report();
  void tell(Want want);
  Task<Outcome> apply_group(Connection& connection);
  Task<> prepare_after(size_t begin, Position end);
  size_t group_end(size_t begin) const;

  const ChildRights rights_;
  ConnectionPool& pool_;
  LaneMemory& memory_;
  Applier applier_;
  std::deque<Batch> pending_;
  Position pushed_position_;
  uint32_t next_part_ = 0;  // of the transaction whose parts are being pushed
  bool is_applied_known_ = false;
  bool are_parts_open_ = false;  // written into a transaction that is not committed: lost with it
  LaneReport report_;
  std::optional<LaneReport> reported_;
  std::vector<Want> wants_;
  bool is_ownership_known_ = false;
  uint64_t settled_version_ = 0;  // of what was reported
  bool has_trouble_ = false;      // as far as was known: tables that cannot be written
  bool has_news_ = false;         // wants that no report followed
  std::function<void(const LaneReport&)> on_report_;
  std::optional<asio::steady_timer> wake_;
};

}  // namespace tributary
