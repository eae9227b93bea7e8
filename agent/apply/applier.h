// Writes groups of a child's transactions into the parent's database, with the applied position, in one PostgreSQL
// transaction each (exact-rules.md 3 and 4).
//
// The fast way writes a group's net changes set-wise; rows that should be new go in by COPY, and when one of them is
// there already (a refresh, a parent restored from a backup) all go in by upsert instead. When anything is not exactly
// as expected that is rolled back too, and the careful way writes the same transactions in their original order, one by
// one, up to the first that is refused: that one is reported with its reason, nothing of it is written, and what
// precedes it is committed.
// Failures that pass by themselves (connection, resources) are thrown; then the applied position has to be read again,
// because a COMMIT may have worked all the same.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "apply/careful.h"
#include "apply/group.h"
#include "apply/net_group.h"
#include "apply/shapes.h"
#include "apply/transaction.h"
#include "apply/walks.h"

namespace tributary {

// How a large transaction is written. The last two name what is refused; `making_way` is tried where another order or
// the deletion of older rows may help.
enum class Way : uint8_t { fast, without_copy, carefully, making_way };

struct Outcome {
  Position applied;              // committed
  uint64_t transactions = 0;     // committed
  uint64_t changes = 0;          // of these; of a part: written
  int64_t last_commit_time = 0;  // microseconds since 2000-01-01; 0: nothing was committed
  std::optional<Held> held;      // why what follows `applied` is not
  Way next_way = Way::carefully;
  Want want;  // what the child is to hear of its tables
};

// Whether COPY is worth a trial: after it failed, some groups go without, more each time.
class CopyTrials {
 public:
  bool is_due() { return pause_ == 0 || --pause_ == 0; }
  void succeeded() { next_pause_ = kFirstPause; }
  void failed() {
    pause_ = next_pause_;
    next_pause_ = std::min(2 * next_pause_, kPauseMax);
  }

 private:
  static constexpr uint32_t kFirstPause = 4, kPauseMax = 256;  // groups
  uint32_t pause_ = 0, next_pause_ = kFirstPause;
};

class Applier {
 public:
  Applier(const ChildRights& rights, std::set<std::string>& unlimited_tables)
      : rights_(rights), shapes_(rights, unlimited_tables) {}

  void add_relation(uint64_t shape_id, Relation relation) { shapes_.add(shape_id, std::move(relation)); }

  // What is known of the child's tables, as of the applied position. After a failure it is to be read again: a COMMIT
  // may have worked all the same.
  Task<Want> read_walks(Connection& connection, Position applied);
  void forget_walks() { walks_.forget(); }
  // What the child has not heard yet, after a failure.
  bool has_news() const { return walks_.has_news(); }
  Task<Want> read_news(Connection& connection, Position applied);

  // Whether there are tables that cannot be written, while the rest of the stream goes on (apply/shape_trouble.h).
  bool has_trouble() const { return walks_.has_trouble(); }
  // Whether they can be written now; what the child is to hear.
  Task<Want> look_at_tables(Connection& connection, Position applied);
  // Whether the table was ever refreshed, as far as is known.
  bool is_walked(const std::string& table) const { return !walks_.is_loaded() || walks_.has(table); }
  // Those that a person wants refreshed, as the database has it.
  std::map<std::string, bool> requested_walks() const { return walks_.requested(); }
  // Whether rows here have become the child's, by another `owns`; what the child is to hear.
  Task<Want> look_at_ownership(Connection& connection, Position applied);
  // Deletions that the child ever sent of rows that are not its own here; tables of which all is here that the child
  // has, as of what `walks_version` tells. As far as is known.
  uint64_t deletes_left_out() const;
  std::set<std::string> settled() const { return walks_.is_loaded() ? walks_.settled() : std::set<std::string>{}; }
  uint64_t walks_version() const { return walks_.version(); }
  // Takes the walks of these tables back to their beginning; true: what the child does not have may be deleted at their
  // end. Returns the news of it.
  Task<Want> begin_walks(Connection& connection, Position applied, std::map<std::string, bool> tables);

  // Applies what of consecutive whole batches lies after `applied`; a digest of a refresh, or a set of keys, by
  // itself, and before what lies behind it, which is left for the next call. Throws Error(protocol) when the database's
  // applied position is
  // another one.
  Task<Outcome> apply(Connection& connection, Position applied, std::vector<const Batch*> batches);

  // The work for the next group that needs no database, in small steps while `apply` waits for PostgreSQL. `prepare`
  // unpacks a batch that follows `applied` or what was prepared before; false: that is not possible, and `apply` will
  // say why. `reduce_prepared` reduces some more of it; false: there is nothing more to do. The next `apply` takes it
  // up if its batches begin with these.
  bool prepare(const Position& applied, const Batch& batch);
  bool reduce_prepared();
  void sort_prepared();  // when there is nothing else to do
  void drop_prepared() { prepared_.reset(); }
  std::optional<std::vector<TableAttention>> attentions() const;  // nullopt: not known at the moment
  size_t prepared_batches() const { return prepared_ ? prepared_->reader.batches() : 0; }

  // A batch of kind new_stream: the child's first stream, or one that follows a stream that broke off. Every table is
  // then refreshed by the child, chunk by chunk.
  Task<Outcome> begin_stream(Connection& connection, const Batch& batch);

  // A part of a large transaction, written into a PostgreSQL transaction that part 0 begins and the last part commits.
  // When it is refused everything is rolled back, the parts before it too. Only `carefully`, change by change, does
  // `held` name the cause, also when `next_way` is `making_way`; otherwise `next_way` tells how to write the
  // transaction when it is sent again.
  Task<Outcome> apply_part(Connection& connection, const Batch& part, Way way);

 private:
  using Inserts = NetGroup::Inserts;

  // The net changes of a group's first `changes` changes.
  struct Reduction {
    std::vector<NetGroup> nets{1};  // to be written in turn: more than one when a table changed its shape in between
    size_t changes = 0;
    bool is_possible = true;  // otherwise the changes cannot be written set-wise

    void add(const GroupChange& change, const Fit& fit);
  };
  struct Prepared {
    GroupReader reader;
    Reduction reduction;
  };

  Prepared take_prepared(const Position& applied, const std::vector<const Batch*>& batches);
  // Up to `end`, or to the first change whose shape is not known yet; `reduce` asks for those, and goes to the end.
  void reduce_known(const Group& group, size_t end, Reduction& reduction) const;
  Task<> reduce(Connection& connection, const Group& group, Reduction& reduction);
  void forget_shapes();
  bool is_look_due(const std::vector<const Batch*>& batches) const;
  Task<> look_again(Connection& connection, Position applied);
  Task<bool> load_walks(Connection& connection);  // true: the fits of the shapes were forgotten
  Inserts inserts_of(const std::vector<NetGroup>& nets);
  Task<> apply_transactions(Connection& connection, const Group& group, Reduction& reduction, Outcome& outcome);
  Task<bool> apply_fast(Connection& connection, const Group& group, Reduction& reduction, Outcome& outcome);
  Task<bool> write_group(Connection& connection, const Group& group, std::vector<NetGroup>& nets, Inserts inserts,
                         Outcome& outcome);
  Task<> apply_carefully(Connection& connection, const Group& group, Outcome& outcome);
  Task<std::optional<Held>> apply_one(Connection& connection, Position from, const GroupTransaction& transaction,
                                      std::span<const GroupChange> changes);
  // In the open transaction; rolled back when it is refused.
  Task<std::optional<Refusal>> write_one(Connection& connection, const GroupTransaction& transaction,
                                         std::span<const GroupChange> changes, bool makes_way);
  Task<std::optional<Held>> write_part(Connection& connection, const Group& group, const Batch& part, Way way,
                                       bool& may_make_way);
  // Runs statements that begin with BEGIN and the fence; the place of the first after these that did not answer as
  // expected. Throws when the fence itself did not.
  Task<std::optional<size_t>> begin_with(Connection& connection, Position fence, const StatementList& list,
                                         PipelineResult* answer = nullptr);
  Task<bool> write_left_out(Connection& connection, const std::map<std::string, uint64_t>& deletes);
  void say_left_out();

  const ChildRights& rights_;
  Shapes shapes_;
  Walks walks_;
  std::optional<Prepared> prepared_;
  Clock::time_point looked_at_{};  // at the tables that cannot be written
  CopyTrials copy_trials_;
  std::map<std::string, uint64_t> said_left_out_;  // deletions, by table: in the log, or from before this session
  bool is_part_copied_ = false;                    // COPY was used in the large transaction that is open
};

}  // namespace tributary
