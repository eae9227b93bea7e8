// Writes groups of a child's transactions into the parent's database, with the applied position, in one PostgreSQL
// transaction each (exact-rules.md 3 and 4).
//
// The fast way writes a group's net changes set-wise. When anything is not exactly as expected it is rolled back, and
// the careful way writes the same transactions in their original order, one by one, up to the first that is refused:
// that one is reported with its reason, nothing of it is written, and what precedes it is committed.
// Failures that pass by themselves (connection, resources) are thrown; then the applied position has to be read again,
// because a COMMIT may have worked all the same.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "apply/group.h"
#include "apply/shapes.h"
#include "apply/transaction.h"

namespace tributary {

struct Outcome {
  Position applied;              // committed
  uint64_t transactions = 0;     // committed
  uint64_t changes = 0;          // of these; of a part: written
  int64_t last_commit_time = 0;  // microseconds since 2000-01-01; 0: nothing was committed
  std::optional<Held> held;      // why what follows `applied` is not
};

class Applier {
 public:
  Applier(const ChildRights& rights, std::set<std::string>& unlimited_tables)
      : rights_(rights), shapes_(rights, unlimited_tables) {}

  void add_relation(uint64_t shape_id, Relation relation) { shapes_.add(shape_id, std::move(relation)); }

  // Applies what of consecutive whole batches lies after `applied`. Throws Error(protocol) when the database's applied
  // position is another one.
  Task<Outcome> apply(Connection& connection, Position applied, std::vector<const Batch*> batches);

  // A batch of kind new_stream. The child's first stream is written down. One that breaks off a stream that is applied
  // here is held, because the rows would have to be compared.
  Task<Outcome> begin_stream(Connection& connection, const Batch& batch);

  // A part of a large transaction, written into a PostgreSQL transaction that part 0 begins and the last part commits.
  // When it is refused everything is rolled back, the parts before it too; only with `carefully`, which writes change
  // by change, does `held` name the cause.
  Task<Outcome> apply_part(Connection& connection, const Batch& part, bool carefully);

 private:
  // False: these changes cannot be written set-wise.
  Task<bool> add_net_changes(Connection& connection, const Group& group, StatementList& out);
  Task<bool> apply_fast(Connection& connection, const Group& group, Outcome& outcome);
  Task<> apply_carefully(Connection& connection, const Group& group, Outcome& outcome);
  Task<std::optional<Held>> apply_one(Connection& connection, Position from, const GroupTransaction& transaction,
                                      std::span<const GroupChange> changes);
  Task<std::optional<Held>> write_part(Connection& connection, const Group& group, const Batch& part, bool carefully);
  // Runs statements that begin with BEGIN and the fence; the place of the first after these that did not answer as
  // expected. Throws when the fence itself did not.
  Task<std::optional<size_t>> begin_with(Connection& connection, Position fence, const StatementList& list);

  const ChildRights& rights_;
  Shapes shapes_;
};

}  // namespace tributary
