// The transactions of some batches, unpacked: what an apply group is made of.
//
// Changes are views into the decompressed payloads, which the group keeps.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "change/batch.h"
#include "change/payload.h"

namespace tributary {

struct GroupChange {
  ChangeKind kind = ChangeKind::put;
  uint64_t shape_id = 0;
  std::string_view tuple;
};

struct GroupTransaction {
  size_t end = 0;  // its changes end before this place in Group::changes
  Commit commit;
  Position position;  // after it
};

struct Group {
  std::deque<std::string> payloads;
  std::vector<GroupChange> changes;
  std::vector<GroupTransaction> transactions;
};

// Unpacks consecutive whole batches, one after the other, into a group of the transactions that lie after `applied`,
// which is where the first batch begins or a place between its transactions.
class GroupReader {
 public:
  explicit GroupReader(const Position& applied) : applied_(applied) {}

  // Throws Error(protocol) when the batch does not reach the position it names, or is malformed.
  void add(const Batch& batch);
  // Throws Error(protocol) when no batch contains `applied`.
  const Group& whole() const;

  Group take() && { return std::move(group_); }
  const Group& so_far() const { return group_; }
  const Position& applied() const { return applied_; }
  size_t batches() const { return group_.payloads.size(); }

 private:
  Position applied_;
  bool is_found_ = false;
  Group group_;
};

// A digest of a refresh, or a chunk that is a set of keys: applied by itself.
bool is_applied_alone(const GroupChange& change);
// Leaves what comes before the first transaction that is applied alone; or that one, where it is the first.
void cut_at_lonely(Group& group);

// The changes of one part of a large transaction; of its last part also the transaction.
Group unpack_part(const Batch& part);

}  // namespace tributary
