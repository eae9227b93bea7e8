// The rows of a child at its parent beside a digest of the child's own (change/digest.h): which of its ranges are
// equal. Pure.
//
// A range can be told apart only where the parent has the row that ends it: ranges whose end it has not got are
// compared together with those behind them, up to the next end that is found.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "change/want.h"

namespace tributary {

// Consecutive ranges of a digest, and the parent's rows in them, as places in the two lists.
struct ComparedRanges {
  size_t first = 0, last = 0;
  size_t rows_begin = 0, rows_end = 0;
  bool is_equal = false;
};

// `rows`: the parent's own, in the order of their keys, of all ranges of the digest; `is_cut`: only the first of them.
// Rows that the stream has settled are left out of the sums. The answer holds every range once, in its order.
std::vector<ComparedRanges> compare(const DigestView& digest, const std::vector<Comparison::Row>& rows, bool is_cut);

// How many ranges are equal up to the first that is not.
size_t equal_ranges(const std::vector<ComparedRanges>& compared);

// What the child is told of the others, with the rows that the stream has not settled; of no more than `rows_max` rows,
// or `bytes_max` bytes of keys: from there on the ranges come as one difference that is cut.
std::vector<Comparison::Difference> differences_of(const DigestView& digest, const std::vector<Comparison::Row>& rows,
                                                   const std::vector<ComparedRanges>& compared, bool is_cut,
                                                   size_t rows_max, size_t bytes_max);

}  // namespace tributary
