// What a parent knows of a child that was here since the agent began, and whether all is here that the child has of a
// table, and may have sent elsewhere before. Pure.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "change/position.h"

namespace tributary {

struct KnownChild {
  std::set<std::string> tables;  // "schema.table" of all that it sends
  Position head, welcomed;       // how far its stream was, and how far it was applied, when it connected
  Position applied;              // now
  std::shared_ptr<const std::set<std::string>> settled = {};  // its tables (Walks::settled), as of `applied`

  // Either its stream is applied so far as it had come when the child connected, and no node has seen more of it; or
  // another one began since, whose walk reads everything anew.
  bool has_all_of(const std::string& table) const {
    if (!tables.contains(table)) return true;
    const bool is_same = applied.stream == head.stream;
    const bool is_up_to_head = is_same ? applied.seq >= head.seq : applied.stream != welcomed.stream;
    return is_up_to_head && settled && settled->contains(table);
  }
};

}  // namespace tributary
