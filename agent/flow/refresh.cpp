#include "flow/refresh.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/clock.h"
#include "base/retry.h"
#include "flow/refresh_limits.h"
#include "source/catalogue.h"
#include "source/row_filter.h"

namespace tributary {
namespace {

// In the queue: live changes stand behind no more than this; and where the parent is slower than the link is long, not
// for longer than a moment.
constexpr uint64_t kUnappliedBytesMax = 4 << 20, kUnappliedBytesFew = 256 << 10;
constexpr double kUnappliedSeconds = 0.15;
constexpr auto kTroublePause = std::chrono::seconds(10);
constexpr auto kShapeLookInterval = std::chrono::seconds(5);
constexpr uint32_t kFailuresToSay = 20;
constexpr char kSubject[] = "refresh";

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
      co_await placer_.changed().wait_for(kRefreshLookInterval);
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
  while (!is_usable() || parent_.at().seq < seq) co_await placer_.changed().wait_for(kRefreshLookInterval);
}

Task<TableState> Refresh::answer(std::string table, uint64_t seq) {
  while (!is_usable() || parent_.said_at(table) < seq) co_await placer_.changed().wait_for(kRefreshLookInterval);
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
  while (is_much_waiting()) co_await placer_.changed().wait_for(kRefreshPause);
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
    co_await sleep_for(kRefreshPause);
  }
  co_return placing;
}

Task<bool> Refresh::wait_for_place(PlacingPtr placing) {
  while (placing->state == Placing::State::under_way) co_await placer_.changed().wait_for(kRefreshLookInterval);
  if (placing->state == Placing::State::placed) {
    if (std::exchange(failures_, 0) >= kFailuresToSay) board_.clear_notice(kSubject);
    co_return true;
  }
  if (++failures_ == kFailuresToSay)
    board_.set_notice(
        kSubject, status::ATTENTION,
        "table " + placing->table->relation.full_name() + " changes so much that a part of it is read again and again",
        "");
  co_await sleep_for(kRefreshPause * std::min(failures_, kFailuresToSay));
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

}  // namespace tributary
