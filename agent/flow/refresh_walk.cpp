// Refresh: walking tables, and keys that are stale.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <set>

#include "change/chunk.h"
#include "flow/refresh.h"
#include "flow/refresh_limits.h"

namespace tributary {
namespace {

constexpr size_t kChunkRowsMax = 16'384, kCopyRowsFirst = 500;
constexpr size_t kCopyPagesFirst = 8, kCopyPagesMax = 1'024;  // 8 MiB of the file
constexpr uint64_t kChunkBytes = 1 << 20;  // about so much each, as text
constexpr size_t kChunksAhead = 3;         // read, while the marks of those before come through the log
constexpr size_t kKeysAtOnce = 500;

// A key that the parent keeps may be of columns that the key had before.
bool is_key_of(const ChunkTable& table, const std::string& key) {
  try {
    key_values(key, table.key().size());
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Its values are none of the key's types.
bool is_of_values(const Error& error) {
  return error.sqlstate().starts_with("22");
}

}  // namespace

Task<> Refresh::walk(ChunkReader& reader, std::string name) {
  Walk walk;
  walk.table = co_await plan(reader, name);
  walk.rows = kRangeRows;
  if (const auto anew = state_.wanted_walk(name)) {
    walk.may_delete_extra = *anew;
  } else if (const TableState& state = parent_.table(name);
             !state.walked_to.empty() && is_key_of(*walk.table, state.walked_to)) {
    walk.after = state.walked_to;
  }
  std::optional<uint64_t> next_page;  // of rows that were being sent by the pages of the file
  if (!state_.wanted_walk(name) && walk.table->has_pages) next_page = parent_.table(name).next_page;
  spdlog::info("refresh: {} is walked{}", name, walk.after || next_page ? ", from where it was left" : "");
  for (;;) {
    const bool begins_behind = walk.after.has_value();
    bool goes_on = false;
    try {
      if (next_page)
        goes_on = co_await copy(reader, walk, next_page);
      else
        goes_on = co_await walk_on(reader, walk);
    } catch (const Error& error) {
      if (!is_of_values(error) || !begins_behind) throw;
      state_.want_walk(name, walk.may_delete_extra);
      co_return;
    }
    next_page.reset();
    state_.forget_walk(name);  // the parent knows of it now
    if (!goes_on) break;
    if (state_.is_walk_cancelled(name)) break;
    co_await record(reader.connection());
    if (has_stale_keys()) co_await refresh_stale_keys(reader);
  }
  if (state_.is_walk_cancelled(name)) {
    // All that was placed has to be answered: where it stands is what the parent says then.
    co_await wait_until_applied(assembler_.head().seq);
    spdlog::info("refresh: the walk of {} was stopped by a person", name);
  }
  state_.settle_cancelled_walks();
  if (const TableState& state = parent_.table(name); state.is_complete)
    spdlog::info("refresh: {} is done, {} rows", name, state.rows);
}

// False: there is no more to do.
Task<bool> Refresh::walk_on(ChunkReader& reader, Walk& walk) {
  const std::string name = walk.table->relation.full_name();
  Placing form;
  form.table = walk.table;
  form.digest = DigestForm{.may_delete_extra = walk.may_delete_extra};
  const PlacingPtr digest =
      co_await place_range(reader, form, ReadWhat::digests, walk.after, {kDigestRows, kDigestBytes});
  const TableState state = co_await answer(name, digest->seq);
  if (state.is_complete || !state.reason.empty()) co_return false;
  const std::string before = walk.after.value_or("");
  walk.after.reset();
  if (!state.walked_to.empty()) walk.after = state.walked_to;
  if (state.wants_rows) {
    const bool is_by_pages = state.next_page && walk.table->has_pages;
    co_return co_await copy(reader, walk, is_by_pages ? state.next_page : std::nullopt);
  }
  if (walk.after && walk.after == digest->up_to()) {
    walk.rows = kRangeRows;
    co_return true;
  }
  // What comes next differs. Where digests show nothing equal again and again, they become few.
  walk.rows = state.walked_to != before ? kRangeRows : std::min(2 * walk.rows, kChunkRowsMax);
  form.digest.reset();
  form.may_delete_extra = walk.may_delete_extra;
  const PlacingPtr rows = co_await place_range(reader, form, ReadWhat::rows, walk.after, {walk.rows, 4 * kChunkBytes});
  walk.after = rows->up_to();
  if (walk.after) co_return true;
  co_return is_to_go_on(co_await answer(name, rows->seq), walk);
}

// After what should have been the end. The parent leaves out what does not follow its walk, and says how far it is.
bool Refresh::is_to_go_on(const TableState& state, Walk& walk) {
  walk.after.reset();
  if (!state.walked_to.empty()) walk.after = state.walked_to;
  return !state.is_complete && state.reason.empty();
}

// All rows behind walk.after, or in the order of the file's pages, some chunks ahead of their places. As walk_on.
Task<bool> Refresh::copy(ChunkReader& reader, Walk& walk, std::optional<uint64_t> from_page) {
  const std::string name = walk.table->relation.full_name();
  if (from_page) spdlog::info("refresh: {} is copied as it lies, from page {} on", name, *from_page);
  std::deque<PlacingPtr> ahead;
  ReadPlace placed{walk.after, from_page}, read_to = placed;
  bool is_read_to_end = false;
  size_t size = from_page ? kCopyPagesFirst : kCopyRowsFirst;  // pages or rows
  const size_t size_min = from_page ? 1 : kCopyRowsMin, size_max = from_page ? kCopyPagesMax : kChunkRowsMax;
  for (;;) {
    require_sent(walk.table->relation.full_name());
    for (; !ahead.empty() && ahead.front()->state == Placing::State::placed; ahead.pop_front()) {
      failures_ = 0;
      placed = end_of(ahead.front()->chunk);
      walk.after = placed.after;
      if (placed.after || placed.page) continue;
      const TableState state = co_await answer(name, ahead.front()->seq);
      co_return is_to_go_on(state, walk);
    }
    if (!ahead.empty() && ahead.front()->state == Placing::State::lost) {
      co_await wait_for_place(ahead.front());
      ahead.clear();
      read_to = placed;
      is_read_to_end = false;
      size = std::max(size / 2, size_min);
    }
    const bool is_cancelled = state_.is_walk_cancelled(walk.table->relation.full_name());
    if (is_cancelled && ahead.empty()) co_return false;
    if (is_cancelled || is_read_to_end || ahead.size() == kChunksAhead) {
      co_await placer_.changed().wait_for(kRefreshLookInterval);
      continue;
    }
    if (ahead.empty()) {
      co_await record(reader.connection());
      if (has_stale_keys()) co_await refresh_stale_keys(reader);
    }
    co_await yield_to_changes();
    const bool keeps_extra = !state_.awaited(name).empty();
    std::optional<ChunkReader::Read> read;
    if (read_to.page)
      read = co_await reader.read_pages(*walk.table, *read_to.page, size, kChunkBytes);
    else
      read = co_await reader.read_range(*walk.table, ReadWhat::rows, read_to.after, {size, kChunkBytes});
    if (!read) throw Error(ErrorKind::resource, "table " + name + " was altered");
    // What this one follows is to be read again.
    if (!ahead.empty() && ahead.back()->state == Placing::State::lost) continue;
    Placing next;
    next.table = walk.table;
    next.may_delete_extra = walk.may_delete_extra;
    next.keeps_extra = keeps_extra;
    next.chunk = std::move(read->chunk);
    const ReadPlace end = end_of(next.chunk);
    const uint64_t size_read =
        next.chunk.pages ? next.chunk.pages->end - next.chunk.pages->begin : next.chunk.rows.size();
    PlacingPtr placing = co_await begin_placing(reader, std::move(next), read->bytes);
    if (!placing) continue;
    ahead.push_back(std::move(placing));
    read_to = end;
    is_read_to_end = !end.after && !end.page;
    const uint64_t bytes = std::max<uint64_t>(read->bytes, 1);
    if (!is_read_to_end)
      size = std::clamp<size_t>(std::min<uint64_t>(size_read * kChunkBytes / bytes, 4 * size), size_min, size_max);
  }
}

// Neither: the end of the table.
Refresh::ReadPlace Refresh::end_of(const ReadChunk& chunk) {
  if (!chunk.pages) return {chunk.up_to, {}};
  if (chunk.pages->are_last) return {};
  return {{}, chunk.pages->end};
}

// --- stale keys ---

Task<> Refresh::refresh_stale_keys(ChunkReader& reader) {
  std::vector<StaleKey> keys = parent_.stale_keys(kKeysAtOnce, readable_tables());
  const std::string name = keys.front().table;
  const auto refresh = [&]() -> Task<> {
    const auto table = co_await plan(reader, name);
    bool are_keys =
        std::all_of(keys.begin(), keys.end(), [&](const StaleKey& stale) { return is_key_of(*table, stale.key); });
    try {
      if (are_keys) co_await refresh_keys(reader, table, keys);
    } catch (const Error& error) {
      if (!is_of_values(error)) throw;
      are_keys = false;
    }
    if (are_keys) co_return;
    // The parent forgets them when the walk begins.
    parent_.forget_stale(name);
    state_.want_walk(name, false);
  };
  co_await of_table(name, refresh());
}

Task<> Refresh::refresh_keys(ChunkReader& reader, std::shared_ptr<const ChunkTable> table, std::vector<StaleKey> keys) {
  while (!keys.empty()) {
    require_sent(table->relation.full_name());
    co_await yield_to_changes();
    std::vector<std::string> wanted;
    for (size_t i = 0; i < std::min(keys.size(), kKeysAtOnce); ++i) wanted.push_back(keys[i].key);
    auto read = co_await reader.read_keys(*table, std::move(wanted));
    if (!read) throw Error(ErrorKind::resource, "table " + table->relation.full_name() + " was altered");
    const auto count = static_cast<std::ptrdiff_t>(read->chunk.keys.size());
    Placing next;
    next.table = table;
    next.chunk = std::move(read->chunk);
    const PlacingPtr placing = co_await begin_placing(reader, std::move(next), read->bytes);
    if (!placing || !co_await wait_for_place(placing)) continue;
    // What the stream has settled is looked at again when it is visible: it may have become stale behind that.
    const std::set<std::string>& settled = placing->settled;
    std::vector<StaleKey> placed;
    std::copy_if(keys.begin(), keys.begin() + count, std::back_inserter(placed),
                 [&](const StaleKey& key) { return !settled.contains(key.key); });
    parent_.placed(placed, placing->seq);
    keys.erase(keys.begin(), keys.begin() + count);
    if (!settled.empty()) co_await sleep_for(kRefreshPause);
  }
}

}  // namespace tributary
