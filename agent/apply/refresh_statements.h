// The statements of a refresh: what the rows of a key range of a child's table are, and what else lies in it.
//
// Pure, as apply/statements.h. "The child's" rows are those that meet `owns`, where the shape has it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apply/row_source.h"
#include "apply/statements.h"

namespace tributary {

// Of a table that is walked up to a key: patches of rows behind it are left out, because a chunk brings those rows.
void add_walked_patches(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows,
                        const std::vector<std::string_view>& walked_to);
// Puts rows that may be there already, just as they are: those are not written.
void add_refreshed(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows);

// A range of keys, with the values of its bounds; none: the end on that side.
struct KeyRange {
  std::vector<std::string_view> after, up_to;
};
// Expects that every row of the range that is the child's has one of these keys; `keys` hold at least the key's values,
// each key once.
void add_no_others(StatementList& out, const Shape& shape, const KeyRange& range, const std::vector<RowValues>& keys);
// The keys, as the child writes them, of the child's rows of the range: `rows_max` at most. Of rows with one of these
// keys, whoever's they are.
void add_keys_of_range(StatementList& out, const Shape& shape, const KeyRange& range, uint64_t rows_max);
void add_keys_here(StatementList& out, const Shape& shape, const std::vector<RowValues>& keys);
// The condition on a row t to be in the range, and the child's; and to have none of the source's keys besides.
std::string in_range(const Shape& shape, const KeyRange& range, RowSource& source);
std::string others(const Shape& shape, const KeyRange& range, RowSource& source);

// The child's rows of the range in the order of their keys, `rows_max` at most: the values of the key as the child
// writes them, then the row's MD5 (postgres/row_digest.h).
void add_row_hashes(StatementList& out, const Shape& shape, const KeyRange& range, uint64_t rows_max);
// How many rows the child has: one row.
void add_count_rows(StatementList& out, const Shape& shape);
// Whether it has more than so many: one row.
void add_has_more_rows(StatementList& out, const Shape& shape, uint64_t rows);
// Whether there is any row of the child in the range: one row.
void add_has_rows(StatementList& out, const Shape& shape, const KeyRange& range);

}  // namespace tributary
