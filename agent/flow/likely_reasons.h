// Why rows are not the same at this node and at its parent, as far as that can be known: from what the parent says of
// single rows (Comparison::inspected) beside this node's own. Pure.
//
// PostgreSQL does not say who wrote a row. What is known: whether the parent's row is this node's to write, whether it
// is stale there, whether a trigger there changes what is written, whether only the spelling of values differs. If it
// is none of these, something else than the agent changed the row.
#pragma once

#include <status.pb.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "change/relation.h"
#include "change/want.h"

namespace tributary {

// A row that differed when the ranges were compared, and what each side has a moment later.
struct DifferingRow {
  status::Difference::Kind kind = status::Difference::DIFFERENT;
  const std::string* own = nullptr;  // the tuple in wire order; nullptr: no such row here
  const Comparison::InspectedRow* theirs = nullptr;
};

class LikelyReasons {
 public:
  LikelyReasons(const Relation& relation, std::string parent) : relation_(relation), parent_(std::move(parent)) {}

  // `triggers`: Comparison::triggers. Throws Error(protocol) when the parent's values are not such of this table.
  void add(const DifferingRow& row, const std::vector<std::string>& triggers);
  // Those with most rows first.
  std::vector<status::Finding> findings() const;

 private:
  struct Group {
    uint64_t rows = 0;
    std::set<std::string> names;  // of columns, triggers, reasons
    int64_t written_at = 0;
  };
  status::Finding finding(status::Finding::Reason reason, const Group& group) const;

  const Relation relation_;
  const std::string parent_;
  std::map<status::Finding::Reason, Group> groups_;
};

// The values of a row that differ, for a person's eyes: each shortened to what surrounds the first difference, without
// control characters. Of a row that one side does not have, the other's values.
std::vector<status::DifferentColumn> different_columns(const Relation& relation, const DifferingRow& row);

}  // namespace tributary
