// Rows that were deleted in a transaction because their unique values are another row's now. They are older versions,
// of which the child has newer ones or none; those that neither the transaction itself puts again nor a refresh of
// stale rows brings count as deleted by the refresh.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "apply/careful.h"

namespace tributary {

class MadeWay {
 public:
  // `keys`: the answer of a statement of add_make_way.
  void add(const Shape& shape, const Result& keys);
  void put(const Shape& shape, const RowValues& row);
  bool has(const Shape& shape, std::string_view key) const;

  // Counts them in the walks, in the open transaction. A refusal where they are more than may be deleted.
  Task<std::optional<Refusal>> count(Connection& connection, const ChildRights& rights, Walks& walks) const;

 private:
  struct Keys {
    const Shape* shape = nullptr;
    std::set<std::string, std::less<>> deleted, put;
  };
  std::map<std::string, Keys> tables_;
};

}  // namespace tributary
