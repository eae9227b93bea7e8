// The refresh corridor at the child: makes the parent's rows what this node's approved rows are.
//
//   parent ─what is stale, how far tables are walked─▶ Refresh ─reads─▶ Placer ─▶ the stream
//
// Every table is walked once in the life of a stream, in the order of its keys: a digest of some thousand rows goes
// first; the parent's walk goes on behind what is equal there, and what comes next goes as rows. How far a table is
// walked the parent keeps, in the transaction that applied it, and says it again in every session; so a walk goes on
// where it was whatever was killed meanwhile. Of a table that the parent has next to nothing of, the rows go first, as they
// lie in its file. Keys that the parent calls stale go as a set. Tables that are walked are
// compared by the same digests (verify), and what differs is mended by its keys (resync).
//
// Waits for the parent where the link is down, and reads no more than the link carries. A failure of its own never ends
// capture: it is shown, and tried again.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "flow/likely_reasons.h"
#include "flow/pauses.h"
#include "flow/placer.h"
#include "flow/refresh_state.h"
#include "monitor/status_board.h"
#include "queue/queue.h"

namespace tributary {

class Refresh {
 public:
  Refresh(const Config& config, Queue& queue, StatusBoard& board, Assembler& assembler, RefreshState& state,
          const std::set<std::string>& held, const Pauses& pauses, const asio::any_io_executor& executor);
  ~Refresh();
  Refresh(const Refresh&) = delete;
  Refresh& operator=(const Refresh&) = delete;

  // Never returns.
  Task<> run();

  // From capture: the stream has caught up.
  void begin_streaming();
  // A table's shape was announced. The values that a new column has in rows from before are in no stream.
  void relation(uint32_t oid);
  // What the stream brought of a table was not all its own.
  void compare(const std::string& table);
  Placer& placer() { return placer_; }

 private:
  struct Walk {
    std::shared_ptr<const ChunkTable> table;
    std::optional<std::string> after;  // the last key that stands in the stream
    bool may_delete_extra = false;
    size_t rows = 0;  // of the next chunk
  };
  // What differs in one digest.
  struct Findings {
    std::vector<StaleKey> to_mend;                               // missing and different ones
    std::map<std::string, status::Difference::Kind> to_inspect;  // by key; the first of the table
    size_t extra = 0;
    bool is_bulk = false;  // more than can be named
  };

  void note_shape(const Relation& shape);
  Task<> attempt();
  bool is_usable() const;
  bool is_to_be_walked(const std::string& table) const;
  bool has_work() const;
  Task<> work();
  Task<> step(ChunkReader& reader);
  void take_up_comparisons();
  Task<> wait_until_applied(uint64_t seq);
  Task<std::shared_ptr<const ChunkTable>> plan(ChunkReader& reader, std::string name);

  Task<> walk(ChunkReader& reader, std::string name);
  Task<bool> walk_on(ChunkReader& reader, Walk& walk);
  // A place in a table up to which its rows are read: by its keys, or by the pages of its file.
  struct ReadPlace {
    std::optional<std::string> after;
    std::optional<uint64_t> page;
  };
  Task<bool> copy(ChunkReader& reader, Walk& walk, std::optional<uint64_t> from_page);
  static ReadPlace end_of(const ReadChunk& chunk);
  static bool is_to_go_on(const TableState& state, Walk& walk);
  Task<> refresh_stale_keys(ChunkReader& reader);
  bool has_stale_keys() const { return !parent_.stale_keys(1, readable_tables()).empty(); }
  bool is_troubled(const std::string& table) const;
  void require_sent(const std::string& table) const;
  std::set<std::string> readable_tables() const;
  std::optional<std::string> next_to_compare() const;
  std::optional<std::string> next_to_look_at() const;
  Task<> look_at_shape(ChunkReader& reader, std::string name);
  Task<> of_table(std::string table, Task<> task);
  Task<> refresh_keys(ChunkReader& reader, std::shared_ptr<const ChunkTable> table, std::vector<StaleKey> keys);

  Task<> verify(ChunkReader& reader);
  struct HowToVerify {
    bool repairs = false;
    bool deletes_extra = false;
    bool shows_values = false;
    uint64_t order = 0;  // by a person, or the clock: it may be cancelled, and what differs is kept; 0: by itself
  };
  bool is_cancelled(const HowToVerify& how) const { return how.order != 0 && how.order != state_.order_number(); }
  static void finish(status::VerifiedTable& table, bool is_mended);
  std::optional<std::string> place_of(const ChunkTable& table) const;
  Task<> verify_table(ChunkReader& reader, status::VerifiedTable& result, HowToVerify how);
  Task<std::optional<Comparison>> comparison(std::string table, uint64_t seq, const HowToVerify& how);
  static status::Difference named(const ChunkTable& table, std::string_view key, status::Difference::Kind kind);
  Task<> inspect(ChunkReader& reader, std::shared_ptr<const ChunkTable> table,
                 std::map<std::string, status::Difference::Kind> rows, LikelyReasons& reasons, const HowToVerify& how);
  Findings compare(const Placing& placing, const Comparison& answer, status::VerifiedTable& result, bool keeps);

  Task<PlacingPtr> place_range(ChunkReader& reader, Placing form, ReadWhat what, std::optional<std::string> after,
                               ChunkSize size);
  Task<bool> wait_for_place(PlacingPtr placing);
  Task<PlacingPtr> begin_placing(ChunkReader& reader, Placing read, uint64_t bytes);
  Task<> yield_to_changes();
  Task<TableState> answer(std::string table, uint64_t seq);
  void show();
  double rows_per_second(const TableState& state);
  Task<> record(Connection& connection);
  void show_trouble(const std::string& table);

  const Config& config_;
  Queue& queue_;
  StatusBoard& board_;
  Assembler& assembler_;
  RefreshState& state_;
  const std::set<std::string>& held_;  // tables that capture leaves out
  const Pauses& pauses_;
  ParentView& parent_;
  Placer placer_;

  bool is_streaming_ = false;
  std::map<std::string, Relation> shapes_;                   // that were sent last
  std::map<std::string, Clock::time_point> troubled_until_;  // tables that PostgreSQL does not let us read
  // At a table that the parent cannot write.
  struct Look {
    Clock::time_point at{};
    Relation shape;
    std::string reason;  // the parent's, for this shape
  };
  std::map<std::string, Look> looks_;
  uint32_t failures_ = 0;          // in a row, to place something
  Clock::time_point next_read_{};  // not before, for the sake of the limits
  struct Progress {
    Clock::time_point since{};
    uint64_t rows = 0;
    double per_second = 0;
  };
  std::map<std::string, Progress> progress_;  // of walks, some seconds ago
};

}  // namespace tributary
