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

// The transactions of consecutive whole batches that lie after `applied`, which is where the first batch begins or a
// place between its transactions. Throws Error(protocol) when the batches do not contain that place, do not reach the
// positions they name, or are malformed.
Group unpack(const std::vector<const Batch*>& batches, const Position& applied);

// The changes of one part of a large transaction; of its last part also the transaction.
Group unpack_part(const Batch& part);

}  // namespace tributary
