// Rows of a child here that the child does not have, as SQL: tributary.extra lists them from the chunk that shows it
// until the walk is at its end. Pure.
//
// A key is listed with the texts that the row has here, so that a listed row is told from one that came later.
#pragma once

#include <string>
#include <vector>

#include "apply/refresh_statements.h"

namespace tributary {

// Of one range, by one statement: more would take longer than a statement may.
constexpr uint64_t kListedAtOnce = 1'000'000;
// Lists the rows of the range that have none of the keys; as many as the answer says were not listed before.
// `has_listed`: some of the range are.
void add_list_others(StatementList& out, const Shape& shape, const KeyRange& range, const std::vector<RowValues>& keys,
                     const std::string& child, bool has_listed);
// These rows are the stream's, or about to be removed by it: they are not listed any more.
void add_unlist(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows, const std::string& child);
// What is not there any more, or not the child's, is not listed any more.
void add_unlist_missing(StatementList& out, const Shape& shape, const std::string& child);
void add_count_listed(StatementList& out, const Shape& shape, const std::string& child);
// Deletes what is listed, and the list.
void add_delete_listed(StatementList& out, const Shape& shape, const std::string& child);

// What may be deleted because a unique value of it is wanted: rows of the child behind a key (empty: anywhere), rows of
// the child that are listed, and its stale ones.
struct InTheWay {
  std::optional<std::vector<std::string_view>> behind;
  bool is_listed = false;
  std::vector<std::string> stale;  // keys
};
// Deletes what is in the way of these rows by another unique key; the answers are the deleted keys, as the child writes
// them. One statement for each unique key. A row that is to be written in part stands alone: its other values are those
// that it has here; nothing makes way for one that lies behind `walked_to`, where that is not empty.
void add_make_way(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows,
                  const InTheWay& in_the_way, const std::string& child,
                  const std::vector<std::string_view>& walked_to = {});
// Deletes those of these rows that are here in another version: they are about to be put.
void add_remove_differing(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows);

}  // namespace tributary
