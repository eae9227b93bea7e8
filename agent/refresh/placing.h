// The exclusion rule of a refresh (exact-rules.md 7 d): at its place in the stream, every key that no transaction
// unseen by its snapshot changed becomes what the snapshot shows; what these changed is left to the stream, which has
// settled it, or, where the stream brought single columns only, comes with them. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "change/chunk.h"
#include "change/digest.h"
#include "refresh/pending.h"
#include "refresh/snapshot.h"

namespace tributary {

// Rows that meet the filter, as one statement saw them: of the key range (after, up_to], of a set of keys, or of pages.
struct ReadChunk {
  struct Row {
    std::string key;
    std::string tuple;  // of a digest: empty
    RowHash hash;       // of a digest
  };
  Snapshot snapshot;
  std::optional<std::string> after, up_to;  // keys; none: the end on that side
  std::vector<std::string> keys;            // of the set; empty: a range
  std::optional<Pages> pages;               // of the table's file, instead of a range
  std::vector<Row> rows;                    // of a range in the order of their keys
};

// As it travels (change/chunk.h), at the place up to which `window` tells what the snapshot does not see.
std::string placed_chunk(const ReadChunk& chunk, const Window& window, bool may_delete_extra = false,
                         bool keeps_extra = false);

// A digest at its place.
struct PlacedDigest {
  std::vector<ReadChunk::Row> rows;  // without those that the stream has settled
  std::vector<size_t> ends;          // behind the last row of each range, in `rows`
  std::optional<std::string> up_to;
  std::string body;  // as it travels (change/digest.h)
};
struct DigestForm {
  bool is_to_verify = false;
  bool may_delete_extra = false;
  bool keeps_extra = false;
};
// To walk, a range with a row of which the stream brought single columns only never looks equal: the parent left them
// out. nullopt: where the range would end is not known, because the stream has settled all of it; or, to walk, which
// range such a row is in, because the snapshot does not show it.
std::optional<PlacedDigest> placed_digest(const ReadChunk& chunk, const Window& window, DigestForm form);

// A question after the rows of a set of keys, without those that changed meanwhile (change/digest.h).
std::string inspection_of(const ReadChunk& chunk, const Window& window, bool wants_values);

constexpr size_t kRangeRows = 64;  // of a digest

}  // namespace tributary
