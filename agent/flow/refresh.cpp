#include "flow/refresh.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>

#include "base/clock.h"
#include "base/retry.h"
#include "change/chunk.h"
#include "monitor/words.h"
#include "source/catalogue.h"
#include "source/row_filter.h"

namespace tributary {
namespace {

constexpr size_t kDigestRows = 64 * kRangeRows;
constexpr uint64_t kDigestBytes = 16 << 20;  // read for one, as they are stored
constexpr size_t kChunkRowsMax = 16'384, kCopyRowsFirst = 500, kCopyRowsMin = 20;
constexpr size_t kCopyPagesFirst = 8, kCopyPagesMax = 4'096;
constexpr uint64_t kChunkBytes = 1 << 20;  // about so much each, as text
constexpr size_t kChunksAhead = 3;         // read, while the marks of those before come through the log
// In the queue: live changes stand behind no more than this; and where the parent is slower than the link is long, not
// for longer than a moment.
constexpr uint64_t kUnappliedBytesMax = 4 << 20, kUnappliedBytesFew = 256 << 10;
constexpr double kUnappliedSeconds = 0.15;
constexpr size_t kKeysAtOnce = 500;
constexpr size_t kDifferencesToWalk = 1'000;  // in one digest: then rows are cheaper than keys
constexpr auto kPause = std::chrono::milliseconds(50);
constexpr auto kLookInterval = std::chrono::seconds(1);
constexpr auto kTroublePause = std::chrono::seconds(10);
constexpr auto kShapeLookInterval = std::chrono::seconds(5);
constexpr uint32_t kFailuresToSay = 20;
constexpr char kSubject[] = "refresh";

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

Refresh::Refresh(const Config& config, Queue& queue, StatusBoard& board, Assembler& assembler, RefreshState& state,
                 const std::set<std::string>& held, const Pauses& pauses, const asio::any_io_executor& executor)
    : config_(config),
      queue_(queue),
      board_(board),
      assembler_(assembler),
      state_(state),
      held_(held),
      pauses_(pauses),
      parent_(state.parent()),
      placer_(assembler, executor) {
  parent_.on_change([this] { placer_.changed().notify(); });
  for (Relation& relation : queue.latest_relations()) shapes_[relation.full_name()] = std::move(relation);
}

Refresh::~Refresh() {
  parent_.on_change({});
}

void Refresh::begin_streaming() {
  is_streaming_ = true;
  placer_.changed().notify();
}

void Refresh::relation(uint32_t oid) {
  placer_.relation(oid);
  note_shape(assembler_.table(oid)->sent);
  if (state_.has_wanted_comparisons()) placer_.changed().notify();
}

void Refresh::compare(const std::string& table) {
  state_.want_comparison(table);
  placer_.changed().notify();
}

void Refresh::note_shape(const Relation& shape) {
  const std::string name = shape.full_name();
  const auto known = shapes_.find(name);
  const auto is_new = [&](const Column& column) {
    return std::none_of(known->second.columns.begin(), known->second.columns.end(),
                        [&](const Column& other) { return other == column; });
  };
  if (known != shapes_.end() && std::any_of(shape.columns.begin(), shape.columns.end(), is_new))
    state_.want_comparison(name);
  shapes_[name] = shape;
}

Task<> Refresh::run() {
  const RetryLoop loop{.what = kSubject, .report = [this](const Error& error) {
                         board_.set_notice(kSubject, status::ATTENTION, error.message(), error.hint());
                       }};
  co_await loop.run([this] { return attempt(); });
}

Task<> Refresh::attempt() {
  placer_.stop();
  parent_.forget_placed();
  for (;;) {
    for (;;) {
      take_up_comparisons();
      if (has_work()) break;
      show();
      co_await placer_.changed().wait_for(kLookInterval);
    }
    co_await work();
  }
}

// Whether what the parent said is of this stream.
bool Refresh::is_usable() const {
  return is_streaming_ && parent_.is_connected() && parent_.at().stream == assembler_.head().stream;
}

bool Refresh::is_to_be_walked(const std::string& table) const {
  const TableState& state = parent_.table(table);
  if (!state.reason.empty() || is_troubled(table) || pauses_.has(table)) return false;
  return (!state.is_complete && !state_.is_walk_cancelled(table)) || state_.wanted_walk(table);
}

bool Refresh::has_work() const {
  if (!is_usable()) return false;
  if (state_.order() || has_stale_keys() || next_to_compare() || next_to_look_at() || state_.has_unsettled_walks())
    return true;
  return std::any_of(config_.tables.begin(), config_.tables.end(),
                     [this](const TableConfig& table) { return is_to_be_walked(table.full_name()); });
}

// What the parent wants compared again, when it can be.
void Refresh::take_up_comparisons() {
  if (!is_usable()) return;
  for (const TableConfig& table : config_.tables) {
    const std::string name = table.full_name();
    const TableState& state = parent_.table(name);
    if (!state.is_complete || !state.to_be_compared || state_.wanted_walk(name)) continue;
    if (!state_.awaited(name).empty()) continue;
    spdlog::info("refresh: {} is compared, because the parent may have rows of it that are not here", name);
    state_.want_walk(name, false);
  }
}

Task<> Refresh::work() {
  // What was placed before this run is in the queue, or nowhere.
  co_await wait_until_applied(assembler_.head().seq);
  const auto reader =
      co_await ChunkReader::open(config_.database.connection, "tributary " + config_.node.name + " refresh");
  state_.settle_cancelled_walks();
  co_await placer_.start(*reader);
  while (has_work()) {
    co_await step(*reader);
    co_await sleep_for(std::chrono::milliseconds(1));  // others have their turn, whatever a step did
  }
  co_await record(reader->connection());
  placer_.stop();
  board_.clear_notice(kSubject);
}

Task<> Refresh::step(ChunkReader& reader) {
  co_await record(reader.connection());
  if (has_stale_keys()) co_return co_await refresh_stale_keys(reader);
  if (const auto name = next_to_look_at()) co_return co_await of_table(*name, look_at_shape(reader, *name));
  for (const TableConfig& table : config_.tables) {
    const std::string name = table.full_name();
    if (is_to_be_walked(name)) co_return co_await of_table(name, walk(reader, name));
  }
  if (const auto name = next_to_compare()) {
    status::VerifiedTable table;
    table.set_name(*name);
    co_await of_table(*name, verify_table(reader, table, {.repairs = true}));
    if (!table.is_finished()) co_return;
    // Where rows cannot be compared, they are sent.
    if (!table.message().empty() && parent_.table(*name).reason.empty()) state_.want_walk(*name, false);
    state_.forget_comparison(*name);
  } else if (state_.order()) {
    co_await verify(reader);
  }
}

bool Refresh::is_troubled(const std::string& table) const {
  if (held_.contains(table)) return true;
  const auto found = troubled_until_.find(table);
  return found != troubled_until_.end() && Clock::now() < found->second;
}

// Those of the configuration. The parent may name others: tables that were taken out of it.
std::set<std::string> Refresh::readable_tables() const {
  std::set<std::string> tables;
  for (const TableConfig& table : config_.tables) {
    const std::string name = table.full_name();
    if (!is_troubled(name) && !pauses_.has(name)) tables.insert(name);
  }
  return tables;
}

std::optional<std::string> Refresh::next_to_compare() const {
  for (const std::string& table : readable_tables())
    if (state_.is_comparison_wanted(table)) return table;
  return std::nullopt;
}

// Of the tables that the parent cannot write: there is nothing else to do for them.
std::optional<std::string> Refresh::next_to_look_at() const {
  const auto now = Clock::now();
  for (const std::string& table : readable_tables()) {
    const auto look = looks_.find(table);
    const bool is_due = look == looks_.end() || now >= look->second.at + kShapeLookInterval;
    if (is_due && !parent_.table(table).reason.empty()) return table;
  }
  return std::nullopt;
}

// A table that was altered may fit the parent's now, and until it changes nothing in the stream says so: a digest does.
Task<> Refresh::look_at_shape(ChunkReader& reader, std::string name) {
  looks_[name].at = Clock::now();
  Placing form;
  form.table = co_await plan(reader, name);
  form.digest = DigestForm{};
  const std::string reason = parent_.table(name).reason;
  if (reason.empty() || (looks_[name].shape == form.table->relation && looks_[name].reason == reason)) co_return;
  const PlacingPtr digest =
      co_await place_range(reader, form, ReadWhat::digests, std::nullopt, {kDigestRows, kDigestBytes});
  const TableState state = co_await answer(name, digest->seq);
  looks_[name] = {Clock::now(), form.table->relation, state.reason};
}

// What PostgreSQL refuses of one table keeps no other waiting.
Task<> Refresh::of_table(std::string table, Task<> task) {
  const std::string subject = "refresh of table " + table;
  std::optional<Error> refusal;
  try {
    co_await std::move(task);
  } catch (const Error& error) {
    const bool passes = error.kind() == ErrorKind::connection || error.kind() == ErrorKind::resource;
    if (pauses_.has(table)) co_return;
    if (passes || error.sqlstate().empty()) throw;
    refusal = error;
  }
  if (!refusal) {
    if (troubled_until_.erase(table) > 0) board_.clear_notice(subject);
    co_return;
  }
  if (!troubled_until_.contains(table)) spdlog::warn("refresh: table {}: {}", table, refusal->message());
  troubled_until_[table] = Clock::now() + kTroublePause;
  const bool is_of_rights = refusal->sqlstate() == "42501";
  board_.set_notice(subject, status::ATTENTION, refusal->message(),
                    is_of_rights && refusal->hint().empty()
                        ? "run `tributary init`: it grants what the agent has to read"
                        : refusal->hint());
}

// Of a table that was paused nothing goes to the parent; of_table leaves it at that.
void Refresh::require_sent(const std::string& table) const {
  if (pauses_.has(table)) throw Error(ErrorKind::resource, "table " + table + " is paused");
}

Task<> Refresh::wait_until_applied(uint64_t seq) {
  while (!is_usable() || parent_.at().seq < seq) co_await placer_.changed().wait_for(kLookInterval);
}

Task<TableState> Refresh::answer(std::string table, uint64_t seq) {
  while (!is_usable() || parent_.said_at(table) < seq) co_await placer_.changed().wait_for(kLookInterval);
  co_return parent_.table(table);
}

Task<std::shared_ptr<const ChunkTable>> Refresh::plan(ChunkReader& reader, std::string name) {
  const auto find = [&](const std::vector<SourceTable>& tables) {
    return std::find_if(tables.begin(), tables.end(),
                        [&](const SourceTable& table) { return table.relation.full_name() == name; });
  };
  const std::vector<SourceTable> tables = co_await read_replication_set(reader.connection(), config_);
  const auto found = find(tables);
  if (found == tables.end())
    throw Error(ErrorKind::protocol, "the parent wants rows of " + name + ", which is not sent");
  require_fit(*found);
  auto table = std::make_shared<ChunkTable>();
  table->oid = found->oid;
  table->publication = config_.publication();
  table->relation = found->sent_relation();
  table->from = (found->is_partitioned ? "" : "ONLY ") + quote_name(table->relation.schema, table->relation.name) +
                " AS " + quote_name(table->relation.name);
  if (!found->row_filter.empty()) table->filter = parenthesised(found->row_filter);
  co_await reader.plan(*table);
  // What was read of the catalogue before is the same now.
  const std::vector<SourceTable> again = co_await read_replication_set(reader.connection(), config_);
  const auto same = find(again);
  if (same == again.end() || same->oid != table->oid || same->sent_relation() != table->relation)
    throw Error(ErrorKind::resource, "table " + name + " was altered while it was looked at");
  note_shape(table->relation);
  co_return table;
}

// --- placing ---

// Live changes stand behind no more than the link carries in a moment.
Task<> Refresh::yield_to_changes() {
  const auto is_much_waiting = [this] {
    const QueueStats stats = queue_.stats();
    if (stats.bytes <= kUnappliedBytesFew) return false;
    const auto age = static_cast<double>(postgres_microseconds_now() - stats.oldest_commit_time) / 1e6;
    return stats.bytes > kUnappliedBytesMax || (stats.oldest_commit_time != 0 && age > kUnappliedSeconds);
  };
  while (is_much_waiting()) co_await placer_.changed().wait_for(kPause);
  if (const auto now = Clock::now(); now < next_read_) co_await sleep_for(next_read_ - now);
}

Task<PlacingPtr> Refresh::begin_placing(ChunkReader& reader, Placing read, uint64_t bytes) {
  const auto seconds = [](uint64_t count, uint64_t per_second) {
    return per_second == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(per_second);
  };
  const double pause = std::max(seconds(read.chunk.rows.size(), state_.limits.rows_per_second),
                                seconds(bytes, state_.limits.bytes_per_second));
  next_read_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(pause));
  if (!placer_.is_started()) {
    co_await placer_.start(reader);
    co_return nullptr;  // what was read before that says too little
  }
  PlacingPtr placing = co_await placer_.place(reader, std::move(read));
  if (!placing) {
    if (++failures_ == kFailuresToSay)
      board_.set_notice(kSubject, status::ATTENTION, "waits until transactions have ended that were open when it began",
                        "");
    co_await sleep_for(kPause);
  }
  co_return placing;
}

Task<bool> Refresh::wait_for_place(PlacingPtr placing) {
  while (placing->state == Placing::State::under_way) co_await placer_.changed().wait_for(kLookInterval);
  if (placing->state == Placing::State::placed) {
    if (std::exchange(failures_, 0) >= kFailuresToSay) board_.clear_notice(kSubject);
    co_return true;
  }
  if (++failures_ == kFailuresToSay)
    board_.set_notice(
        kSubject, status::ATTENTION,
        "table " + placing->table->relation.full_name() + " changes so much that a part of it is read again and again",
        "");
  co_await sleep_for(kPause * std::min(failures_, kFailuresToSay));
  co_return false;
}

// `form` without its chunk. Reads again until it has its place.
Task<PlacingPtr> Refresh::place_range(ChunkReader& reader, Placing form, ReadWhat what,
                                      std::optional<std::string> after, ChunkSize size) {
  const std::string name = form.table->relation.full_name();
  for (;;) {
    require_sent(form.table->relation.full_name());
    co_await yield_to_changes();
    form.keeps_extra = !state_.awaited(name).empty();
    if (form.digest) form.digest->keeps_extra = form.keeps_extra && !form.digest->is_to_verify;
    auto read = co_await reader.read_range(*form.table, what, after, size);
    if (!read) throw Error(ErrorKind::resource, "table " + form.table->relation.full_name() + " was altered");
    Placing next = form;
    next.chunk = std::move(read->chunk);
    const PlacingPtr placing = co_await begin_placing(reader, std::move(next), read->bytes);
    if (placing && co_await wait_for_place(placing)) co_return placing;
    if (failures_ > 2) size.rows = std::max(size.rows / 2, kCopyRowsMin);
  }
}

// --- walking a table ---

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
      co_await placer_.changed().wait_for(kLookInterval);
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
    if (!settled.empty()) co_await sleep_for(kPause);
  }
}

// --- comparing ---

Task<> Refresh::verify(ChunkReader& reader) {
  const VerifyOrder order = *state_.order();
  const uint64_t number = state_.order_number();
  const status::Verification before = state_.verification();
  for (status::VerifiedTable table : before.tables()) {
    if (table.is_finished()) continue;
    if (!held_.contains(table.name()))
      co_await of_table(table.name(),
                        verify_table(reader, table, {order.repairs, order.deletes_extra, order.shows_values, number}));
    if (number != state_.order_number()) co_return;  // cancelled
    if (held_.contains(table.name()))
      table.set_message("it is held: `tributary status` says why");
    else if (pauses_.has(table.name()))
      table.set_message("paused: `tributary resume " + table.name() + "` ends it, and compares the table");
    else if (!table.is_finished())
      table.set_message("PostgreSQL refuses to read it: `tributary status` says why");
    finish(table, order.repairs);
    state_.store(number, table);
  }
  // What has to be walked for it comes first.
  for (status::VerifiedTable table : state_.verification().tables()) {
    if (!state_.wanted_walk(table.name())) continue;
    if (is_to_be_walked(table.name())) co_return;
    table.set_message("not mended yet: `tributary status` says why");
    table.set_is_mended(false);
    state_.store(number, table);
    state_.forget_walk(table.name());
  }
  state_.end_verification();
}

void Refresh::finish(status::VerifiedTable& table, bool is_mended) {
  table.set_is_finished(true);
  table.set_finished_at(unix_milliseconds_now());
  table.set_is_mended(is_mended && table.message().empty());
}

Task<> Refresh::verify_table(ChunkReader& reader, status::VerifiedTable& result, HowToVerify how) {
  const std::string name = result.name();
  Placing form;
  form.table = co_await plan(reader, name);
  form.digest = DigestForm{.is_to_verify = true};
  std::optional<std::string> after = how.order != 0 ? place_of(*form.table) : std::nullopt;
  if (!after) {
    result.Clear();
    result.set_name(name);
    if (how.order != 0) state_.forget_differences(name);
    result.set_expected_rows(co_await reader.estimate_rows(*form.table));
  }
  LikelyReasons reasons(form.table->relation, config_.parent->name);
  size_t inspected = 0;
  for (bool is_at_end = false; !is_at_end;) {
    if (has_stale_keys()) co_await refresh_stale_keys(reader);
    const PlacingPtr digest = co_await place_range(reader, form, ReadWhat::digests, after, {kDigestRows, kDigestBytes});
    const auto answer = co_await comparison(name, digest->seq, how);
    if (is_cancelled(how)) co_return;
    if (!answer) continue;
    if (!answer->refusal.empty()) {
      result.set_message(answer->refusal);
      break;
    }
    Findings found = compare(*digest, *answer, result, how.order != 0);
    while (found.to_inspect.size() > kInspectedMax - inspected)
      found.to_inspect.erase(std::prev(found.to_inspect.end()));
    if (!found.to_inspect.empty() && parent_.answers_inspections()) {
      inspected += found.to_inspect.size();
      co_await inspect(reader, form.table, std::move(found.to_inspect), reasons, how);
      if (is_cancelled(how)) co_return;
      result.clear_findings();
      for (status::Finding& finding : reasons.findings()) *result.add_findings() = std::move(finding);
    }
    if (how.repairs && (found.is_bulk || found.extra > 0 || found.to_mend.size() > kDifferencesToWalk))
      state_.want_walk(name, how.deletes_extra, how.order != 0);
    else if (how.repairs && !state_.wanted_walk(name))
      co_await refresh_keys(reader, form.table, found.to_mend);
    after = digest->up_to();
    is_at_end = !after;
    if (is_cancelled(how)) co_return;
    if (after) state_.store(how.order, result, ComparedPlace{name, form.table->relation.shape_id(), *after});
    co_await record(reader.connection());
  }
  finish(result, how.repairs);
}

// Where a comparison of the table was left.
std::optional<std::string> Refresh::place_of(const ChunkTable& table) const {
  const auto& place = state_.place();
  if (!place || place->table != table.relation.full_name() || place->shape_id != table.relation.shape_id())
    return std::nullopt;
  return place->after;
}

// nullopt: it has to be asked for again, because the session ended, or not at all.
Task<std::optional<Comparison>> Refresh::comparison(std::string table, uint64_t seq, const HowToVerify& how) {
  const uint64_t session = parent_.sessions();
  for (;;) {
    auto answer = parent_.take_comparison(table, seq);
    const bool is_lost = parent_.sessions() != session && is_usable() && parent_.at().seq >= seq;
    if (answer || is_lost || is_cancelled(how)) co_return answer;
    co_await placer_.changed().wait_for(kLookInterval);
  }
}

// Asks the parent what it has instead of these rows.
Task<> Refresh::inspect(ChunkReader& reader, std::shared_ptr<const ChunkTable> table,
                        std::map<std::string, status::Difference::Kind> rows, LikelyReasons& reasons,
                        const HowToVerify& how) {
  const std::string name = table->relation.full_name();
  while (!rows.empty()) {
    co_await yield_to_changes();
    std::vector<std::string> keys;
    for (const auto& [key, kind] : rows) keys.push_back(key);
    auto read = co_await reader.read_keys(*table, std::move(keys));
    if (!read) throw Error(ErrorKind::resource, "table " + name + " was altered");
    Placing question;
    question.table = table;
    question.chunk = std::move(read->chunk);
    question.is_inspection = true;
    question.wants_values = how.shows_values;
    const PlacingPtr placing = co_await begin_placing(reader, std::move(question), read->bytes);
    if (!placing || !co_await wait_for_place(placing)) continue;
    const auto answer = co_await comparison(name, placing->seq, how);
    if (is_cancelled(how)) co_return;
    if (!answer) continue;
    if (!answer->refusal.empty()) co_return;
    std::map<std::string_view, const std::string*> own;
    for (const ReadChunk::Row& row : placing->chunk.rows) own[row.key] = &row.tuple;
    std::map<std::string_view, const Comparison::InspectedRow*> theirs;
    for (const Comparison::InspectedRow& row : answer->inspected) theirs[row.key] = &row;
    for (const std::string& key : placing->chunk.keys) {
      const auto node = rows.extract(key);
      if (node.empty() || placing->settled.contains(key)) continue;
      const auto own_row = own.find(key);
      const auto their_row = theirs.find(key);
      const DifferingRow row{node.mapped(), own_row == own.end() ? nullptr : own_row->second,
                             their_row == theirs.end() ? nullptr : their_row->second};
      reasons.add(row, answer->triggers);
      if (how.shows_values) state_.set_columns(named(*table, key, row.kind), different_columns(table->relation, row));
    }
  }
}

status::Difference Refresh::named(const ChunkTable& table, std::string_view key, status::Difference::Kind kind) {
  status::Difference difference;
  difference.set_table(table.relation.full_name());
  difference.set_kind(kind);
  for (const Value& value : key_values(key, table.key().size())) difference.add_key(std::string(value.text));
  return difference;
}

Refresh::Findings Refresh::compare(const Placing& placing, const Comparison& answer, status::VerifiedTable& result,
                                   bool keeps) {
  Findings found;
  const PlacedDigest& digest = placing.placed;
  uint64_t missing = 0;
  const auto note = [&](status::Difference::Kind kind, std::string_view key) {
    if (kind == status::Difference::EXTRA)
      ++found.extra;
    else
      found.to_mend.push_back({result.name(), std::string(key)});
    missing += kind == status::Difference::MISSING;
    if (!keeps) return;
    state_.add_difference(named(*placing.table, key, kind));
    if (found.to_inspect.size() < kInspectedMax) found.to_inspect.emplace(key, kind);
  };
  for (const Comparison::Difference& part : answer.differences) {
    if (part.last >= digest.ends.size())
      throw Error(ErrorKind::protocol, "the parent's answer names a range that was not sent");
    const size_t begin = part.first == 0 ? 0 : digest.ends[part.first - 1], end = digest.ends[part.last];
    if (part.is_cut) {  // too many to be named
      found.is_bulk = true;
      result.set_different(result.different() + std::max<size_t>(1, end - begin));
      continue;
    }
    std::map<std::string_view, RowHash> theirs;
    for (const Comparison::Row& row : part.rows) theirs[row.key] = row.hash;
    for (size_t i = begin; i < end; ++i) {
      const ReadChunk::Row& row = digest.rows[i];
      const auto their = theirs.find(row.key);
      if (their == theirs.end()) {
        note(status::Difference::MISSING, row.key);
        continue;
      }
      if (their->second != row.hash) note(status::Difference::DIFFERENT, row.key);
      theirs.erase(their);
    }
    for (const auto& [key, hash] : theirs) note(status::Difference::EXTRA, key);
  }
  result.set_ranges(result.ranges() + digest.ends.size());
  result.set_rows(result.rows() + digest.rows.size());
  result.set_missing(result.missing() + missing);
  result.set_different(result.different() + found.to_mend.size() - missing);
  result.set_extra(result.extra() + found.extra);
  return found;
}

// --- status ---

// What of a table stands still at the parent, or waits for a person.
void Refresh::show_trouble(const std::string& table) {
  const std::string subject = "table " + table + " at the parent";
  const TableState& state = parent_.table(table);
  const std::string awaited = state.to_be_compared && state.is_complete ? state_.awaited(table) : "";
  if (!awaited.empty())
    board_.set_notice(
        subject, status::ATTENTION,
        "rows may be there that this node does not have; they are kept until all rows are here of " + awaited,
        "nothing, if " + awaited +
            " is on its way; if it is not a child any more, take its [[child]] "
            "out of the configuration");
  else if (!state.reason.empty())
    board_.set_notice(subject, status::ATTENTION, state.reason + "; its changes wait there until it is mended",
                      state.hint);
  else if (state.kept > 0 && !state.to_be_compared)
    board_.set_notice(subject, status::ATTENTION,
                      count_in_words(state.kept, "row", "rows") +
                          " that this node does not have are kept there: they were more than a refresh may delete",
                      "if they are to go: tributary resync " + table + " --delete-extra");
  else if (!state.is_complete && state_.is_walk_cancelled(table))
    board_.set_notice(subject, status::ATTENTION,
                      "a person stopped its refresh at " + count_in_words(state.rows, "row", "rows") +
                          "; rows behind that may be older ones there until it has come to its end",
                      "tributary resync " + table + " goes on with it");
  else
    board_.clear_notice(subject);
}

void Refresh::show() {
  for (status::Table& shown : *board_.capture().mutable_tables()) {
    const TableState& state = parent_.table(shown.name());
    shown.set_rows_copied(state.rows);
    shown.set_is_compared(state.is_loaded && !state.is_complete);
    shown.set_rows_per_second(state.is_complete ? 0 : rows_per_second(state));
    shown.set_is_copied(is_usable() && state.is_complete);
    shown.set_stale_rows(parent_.stale_count(shown.name()));
    shown.set_kept_rows(state.kept);
    if (const auto verified = state_.verified().find(shown.name()); verified != state_.verified().end())
      *shown.mutable_verified() = verified->second;
    show_trouble(shown.name());
  }
  *board_.capture().mutable_verification() = state_.verification();
}

double Refresh::rows_per_second(const TableState& state) {
  constexpr auto kSampleTime = std::chrono::seconds(3);
  Progress& progress = progress_[state.table];
  const auto now = Clock::now();
  const std::chrono::duration<double> time = now - progress.since;
  if (progress.since == Clock::time_point{} || state.rows < progress.rows) {
    progress = {now, state.rows, 0};
  } else if (time >= kSampleTime) {
    progress = {now, state.rows, static_cast<double>(state.rows - progress.rows) / time.count()};
  }
  return progress.per_second;
}

// Rows from before the stream are counted no more when they are all there.
Task<> Refresh::record(Connection& connection) {
  show();
  for (const TableConfig& table : config_.tables)
    for (status::Table& shown : *board_.capture().mutable_tables()) {
      if (shown.name() != table.full_name() || !shown.is_copied() || shown.rows_not_copied() == 0) continue;
      shown.set_rows_not_copied(0);
      co_await record_copied(connection, table.schema, table.name);
      break;
    }
}

}  // namespace tributary
