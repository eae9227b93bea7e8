#include "flow/capture.h"

#include <spdlog/spdlog.h>

#include <deque>
#include <map>

#include "base/clock.h"
#include "base/dotted_name.h"
#include "base/failpoint.h"
#include "base/on_failure.h"
#include "base/signal.h"
#include "flow/begin_stream.h"
#include "flow/guard.h"
#include "flow/refresh.h"
#include "flow/table_pauses.h"
#include "queue/pace.h"
#include "source/assembler.h"
#include "source/catalogue.h"
#include "source/filter_memo.h"
#include "source/preparation.h"
#include "source/server_states.h"
#include "source/slot.h"
#include "source/wal_backlog.h"
#include "source/wal_stream.h"

namespace tributary {
namespace {

constexpr size_t kPendingBytesMax = 16 << 20;    // read, but not in the queue yet: then reading waits
constexpr size_t kGroupBytesEnough = 256 << 10;  // a group of so much is not waited for
constexpr size_t kWaitingBytesMax = 1 << 20;     // rows that wait for their filter's verdict
constexpr auto kStatusInterval = std::chrono::seconds(10);
constexpr auto kIdleConfirmInterval = std::chrono::seconds(10);
constexpr auto kSlotReleaseLimit = std::chrono::seconds(3);
constexpr auto kLookInterval = std::chrono::milliseconds(500);
constexpr uint64_t kLookBytes = 4 << 20;
constexpr uint64_t kLogSnapshotBytes = 16 << 20;
constexpr auto kNonceInterval = std::chrono::hours(1);

class CaptureRun {
 public:
  CaptureRun(const Config& config, Queue& queue, Worker& queue_writer, StatusBoard& board, CaptureState state,
             Connection& session, WalStream& wal, const StreamStart& start, const std::vector<SourceTable>& tables,
             const asio::any_io_executor& executor)
      : config_(config),
        queue_(queue),
        queue_writer_(queue_writer),
        board_(board),
        refresh_state_(state.refresh),
        session_(session),
        wal_(wal),
        assembler_(start.head, start.record.last_commit, start.is_slot_behind),
        state_(state),
        guard_(config, board, start.record.replication_set, tables),
        refresh_(config, queue, board, assembler_, state.refresh, guard_.held(), state.pauses, executor),
        table_pauses_(config, queue, board, state.pauses, assembler_, refresh_.placer(), executor),
        durable_(start.record.confirm_lsn),
        log_snapshot_at_(start.record.confirm_lsn),
        stored_(executor),
        work_(executor),
        log_grown_(executor) {}

  // The write-ahead log into the assembler: in bulk while it is far behind, then as it is written. Returns when the
  // stream has fallen far behind: the next run begins in bulk.
  Task<> read() {
    co_await read_backlog();
    co_await start_stream();
    for (;;) {
      while (const auto message = wal_.next()) {
        if (message->is_keepalive)
          co_await on_keepalive(*message);
        else if (!waiting_.empty() || !handle(message->content))
          co_await handle_later(message->content);
        if (has_too_much_pending()) co_await wait_for_queue();
        if (is_look_due() && co_await is_left_behind()) {
          co_await leave_stream();
          co_return;
        }
      }
      co_await settle_waiting();
      if (assembler_.has_changes() || is_confirm_due()) work_.notify();
      note_progress();
      co_await wal_.wait_for_input();
    }
  }

  // The assembler into the queue. A group is what has come together while the one before was being written, and, where
  // transactions come densely, some milliseconds longer (queue/pace.h).
  Task<> store() {
    for (;;) {
      co_await work_.wait();
      while (assembler_.has_changes() || is_confirm_due()) {
        const auto began = Clock::now();
        const uint64_t before = board_.capture().transactions();
        co_await store_group();
        const auto next = pace_.next_after(began, board_.capture().transactions() - before);
        while (Clock::now() < next && assembler_.pending_bytes() < kGroupBytesEnough && !is_reply_requested_)
          co_await work_.wait_for(next - Clock::now());
      }
    }
  }

  // PostgreSQL hears from us also when nothing happens, and when reading waits for the queue.
  Task<> report() {
    for (;;) {
      co_await send_status();
      co_await sleep_for(kStatusInterval);
      work_.notify();
    }
  }

  Task<> refresh() { return refresh_.run(); }
  Task<> guard() { return guard_.run(); }
  Task<> end_pauses() { return table_pauses_.run(); }
  const std::set<std::string>& held() const { return guard_.held(); }

  Task<> renew_nonces() {
    for (;;) {
      co_await sleep_for(kNonceInterval);
      // A session of its own: the other one may be evaluating a filter.
      const auto session =
          co_await Connection::open(config_.database.connection, Purpose::session, "tributary " + config_.node.name);
      co_await renew_nonce(config_, queue_, queue_writer_, *session);
    }
  }

  // PostgreSQL keeps the log from restart_lsn on, which follows slowly by itself.
  Task<> keep_log_short() {
    for (;;) {
      co_await log_grown_.wait();
      log_snapshot_at_ = durable_;
      try {
        const auto session = co_await Connection::open(config_.database.connection, Purpose::session,
                                                       "tributary " + config_.node.name + " log");
        co_await log_running_transactions(*session);
      } catch (const Error& error) {
        spdlog::debug("capture: the log may be kept for longer: {}", error.message());
      }
    }
  }

  // PostgreSQL shuts down: what is read is stored if that takes no time, confirmed, and the connection closed; a
  // walsender with an unconfirmed reader would hold the shutdown up.
  Task<> watch_for_shutdown(Connection& sentinel) {
    const std::string sqlstate = co_await sentinel.wait_for_end();
    try {
      co_await until_one_ends(store_last(), hang_up_after(std::chrono::seconds(1)));
    } catch (const Error& error) {
      spdlog::info("capture: what was read last is not stored, and will be read again: {}", error.message());
    }
    wal_.hang_up();
    throw Error(ErrorKind::connection,
                "PostgreSQL ended the session" + (sqlstate.empty() ? "" : " (SQLSTATE " + sqlstate + ")"));
  }

 private:
  Task<> read_backlog() {
    std::unique_ptr<WalBacklog> backlog;
    Lsn confirmed_before;
    for (int stretches = 0;; ++stretches) {
      const SlotPlace place = co_await slot_at_rest();
      const std::optional<Lsn> end = end_of_next_stretch(place, stretches);
      if (!end) co_return;
      if (place.confirmed == confirmed_before)
        throw Error(ErrorKind::connection, "the replication slot " + config_.slot() + " did not move");
      confirmed_before = place.confirmed;
      if (!backlog)
        spdlog::info("capture: {} MiB of the log are read in bulk",
                     (place.log_end.value - place.confirmed.value) >> 20);
      const auto confirming = co_await begin_stretch(backlog, *end);
      if (!confirming) co_return;
      report_health("catching up");
      co_await read_stretch(*backlog, *end);
      co_await backlog->end_stretch();
      const Lsn reached = assembler_.confirm_lsn();
      co_await store_up_to(reached);
      failpoint("before_slot_advance");
      co_await confirming->confirm(config_.slot(), config_.publication(), reached);
    }
  }

  // A walsender that was just left needs a moment to notice.
  Task<SlotPlace> slot_at_rest() {
    const auto give_up = Clock::now() + kSlotReleaseLimit;
    for (;;) {
      const SlotPlace place = co_await read_slot_place(session_, config_.slot());
      if (!place.is_active || Clock::now() >= give_up) co_return place;
      co_await sleep_for(std::chrono::milliseconds(5));
    }
  }

  // A stream that lags is looked at now and then, between transactions, and only when much has come since.
  bool is_look_due() const {
    return !is_bulk_refused_ && received_.value >= looked_at_.value + kLookBytes && !assembler_.is_in_transaction() &&
           waiting_.empty() && Clock::now() >= last_look_ + kLookInterval;
  }

  void note_look() {
    looked_at_ = std::max(received_, durable_);
    last_look_ = Clock::now();
  }

  // And only if the next run will read in bulk.
  Task<bool> is_left_behind() {
    note_look();
    SlotPlace place = co_await read_slot_place(session_, config_.slot());
    place.confirmed = std::max({place.confirmed, durable_, received_});
    co_return is_far_behind(place) && end_of_next_stretch(place, 0);
  }

  Task<> leave_stream() {
    spdlog::info("capture: the stream is far behind the end of the log");
    co_await store_up_to(assembler_.confirm_lsn());
    co_await send_status();
  }

  // Returns what the stretch will be confirmed with: once it is read there is no other way on. nullptr: PostgreSQL
  // cannot decode it this way (no room for what it puts together, no walsender free), so the log has to be streamed.
  Task<std::unique_ptr<WalStream>> begin_stretch(std::unique_ptr<WalBacklog>& backlog, Lsn end) {
    const std::string application = "tributary " + config_.node.name + " backlog";
    std::optional<Error> failure;
    try {
      if (!backlog)
        backlog = co_await WalBacklog::connect(config_.database.connection, application, config_.slot(),
                                               config_.publication());
      auto confirming = co_await WalStream::connect(config_.database.connection, application);
      co_await backlog->begin_stretch(end);
      co_return confirming;
    } catch (const Error& error) {
      failure = error;
    }
    // Throws when the server is going away.
    co_await read_slot_place(session_, config_.slot());
    spdlog::info("capture: the log is streamed, because it cannot be read in bulk: {}", failure->message());
    is_bulk_refused_ = true;
    co_return nullptr;
  }

  Task<> read_stretch(WalBacklog& backlog, Lsn end) {
    for (;;) {
      while (const auto message = backlog.next()) {
        if (!waiting_.empty() || !handle(*message)) co_await handle_later(*message);
        if (has_too_much_pending()) co_await wait_for_queue();
      }
      co_await settle_waiting();
      if (assembler_.has_changes()) work_.notify();
      if (backlog.has_ended()) break;
      co_await backlog.wait_for_input();
    }
    if (assembler_.is_in_transaction())
      throw Error(ErrorKind::protocol, "a stretch of the log that was read in bulk ends inside a transaction");
    // Whatever commits before `end` was in it, as at a keepalive.
    assembler_.keepalive(end);
    note_progress();
    received_ = std::max(received_, end);
    board_.capture().set_received_lsn(received_.to_string());
  }

  Task<> store_up_to(Lsn lsn) {
    while (assembler_.has_changes() || durable_ < lsn) {
      is_reply_requested_ = true;
      work_.notify();
      co_await stored_.wait();
    }
  }

  Task<> start_stream() {
    co_await wal_.start(config_.slot(), config_.publication());
    is_streaming_ = true;
    refresh_.begin_streaming();
    note_look();
    report_health("streaming");
    spdlog::info("capture: streaming from slot {} at {}", config_.slot(), durable_.to_string());
    co_await send_status();
  }

  void note_progress() {
    const StreamProgress& known = state_.progress;
    if (assembler_.confirm_lsn() <= known.log() && assembler_.head().seq == known.head().seq) return;
    state_.progress.captured(assembler_.confirm_lsn(), assembler_.head(), unix_milliseconds_now());
    state_.progressed.notify();
  }

  void report_health(const std::string& state) {
    auto& status = board_.capture();
    status.set_state(state);
    status.set_health(status::OK);
    status.clear_message();
    board_.clear_notice("capture");
  }

  Task<> send_status() {
    if (!is_streaming_) co_return;
    reported_ = durable_;
    co_await wal_.send_status(std::max(received_, durable_), durable_);
  }

  bool has_too_much_pending() const { return assembler_.pending_bytes() > kPendingBytesMax; }

  Task<> wait_for_queue() {
    work_.notify();
    while (has_too_much_pending()) co_await stored_.wait();
  }

  bool is_confirm_due() const {
    const bool has_news = assembler_.confirm_lsn() > durable_ && !assembler_.is_in_transaction();
    return has_news && (is_reply_requested_ || Clock::now() - last_confirm_ >= kIdleConfirmInterval);
  }

  // A write to the queue that hangs is waited for, whatever is cancelled; PostgreSQL must not wait with us.
  Task<> hang_up_after(Clock::duration limit) {
    co_await sleep_for(limit);
    wal_.hang_up();
  }

  Task<> store_last() {
    while (is_storing_) co_await sleep_for(std::chrono::milliseconds(5));
    last_status_ = {};
    co_await store_group();
  }

  Task<> store_group() {
    note_progress();
    Assembled group = assembler_.take();
    Queue::Append append;
    append.batches = std::move(group.batches);
    append.relations = std::move(group.relations);
    append.last_commit = group.last_commit;
    // While transactions come by that are stored already, the log is read behind what was confirmed before.
    append.confirm_lsn = std::max(durable_, group.confirm_lsn);
    // A table's new shape may have to be compared: that is in the queue with the first batch of this shape.
    const uint64_t wishes = refresh_state_.version();
    if (refresh_state_.has_new_wish()) append.notes[kRefreshNote] = refresh_state_.memory();
    is_storing_ = true;
    co_await queue_writer_.run([&] { queue_.append(append); });
    if (!append.notes.empty()) refresh_state_.set_stored(wishes);
    failpoint("after_queue_commit");
    is_storing_ = false;
    for (Batch& batch : append.batches) assembler_.reuse(std::move(batch.payload));
    durable_ = std::max(durable_, append.confirm_lsn);
    last_confirm_ = Clock::now();
    stored_.notify();
    auto& status = board_.capture();
    status.set_transactions(status.transactions() + group.transactions);
    status.set_changes(status.changes() + group.changes);
    status.set_confirmed_lsn(durable_.to_string());
    const auto is_behind = [&](Lsn lsn, uint64_t bytes) { return is_streaming_ && durable_.value > lsn.value + bytes; };
    if (is_behind(log_snapshot_at_, kLogSnapshotBytes)) log_grown_.notify();
    // PostgreSQL keeps WAL until it hears of this: soon enough once a second, or where there is much; a shutdown waits
    // for it.
    if (is_reply_requested_ || is_behind(reported_, kLogSnapshotBytes / 2) ||
        Clock::now() - last_status_ >= std::chrono::seconds(1)) {
      failpoint("before_feedback");
      is_reply_requested_ = false;
      last_status_ = Clock::now();
      co_await send_status();
    }
  }

  Task<> on_keepalive(const WalMessage& message) {
    received_ = std::max(received_, message.end);
    board_.capture().set_received_lsn(received_.to_string());
    if (waiting_.empty()) assembler_.keepalive(message.end);
    if (message.is_reply_requested) {
      is_reply_requested_ = true;
      if (assembler_.has_changes() || is_confirm_due() || is_storing_) {
        work_.notify();
      } else {
        is_reply_requested_ = false;
        co_await send_status();
      }
    }
  }

  // Rows with values whose filter has to be asked for wait, and everything behind them, until there is nothing more to
  // read.
  Task<> handle_later(std::string_view bytes) {
    const Message message = parse_message(bytes);
    if (const auto* relation = std::get_if<RelationMessage>(&message)) {
      co_await settle_waiting();
      co_await define(*relation);
      co_return;
    }
    if (const auto* row = std::get_if<RowMessage>(&message))
      if (const CapturedTable* table = assembler_.table(row->oid); table && table->is_filtered())
        memo_.look_up(*table, *row);
    waiting_bytes_ += bytes.size();
    waiting_.emplace_back(bytes);
    if (waiting_bytes_ > kWaitingBytesMax) co_await settle_waiting();
  }

  Task<> settle_waiting() {
    if (waiting_.empty()) co_return;
    co_await memo_.resolve(session_, assembler_);
    for (const std::string& bytes : waiting_)
      if (!handle(bytes)) throw Error(ErrorKind::internal, "a row's filter is still unknown after it was evaluated");
    waiting_.clear();
    waiting_bytes_ = 0;
    memo_.trim();
  }

  // Everything that needs no answer from PostgreSQL. False: `bytes` has to wait for one.
  bool handle(std::string_view bytes) {
    const Message message = parse_message(bytes);
    if (const auto* row = std::get_if<RowMessage>(&message)) {
      const CapturedTable* table = table_of(row->oid);
      if (!table) return true;
      if (!table->is_filtered() || assembler_.is_skipping()) {
        assembler_.row(*table, *row, Verdict::yes, Verdict::yes);
        return true;
      }
      const auto verdicts = memo_.look_up(*table, *row);
      if (!verdicts) return false;
      if (verdicts->new_row == Verdict::unknown) throw unanswered_filter(*table, verdicts->sqlstate);
      assembler_.row(*table, *row, verdicts->old_row, verdicts->new_row);
    } else if (const auto* begin = std::get_if<BeginMessage>(&message)) {
      transaction_xid_ = begin->xid;
      assembler_.begin(*begin);
      refresh_.placer().begin(begin->xid);
    } else if (const auto* commit = std::get_if<CommitMessage>(&message)) {
      assembler_.commit(*commit);
      refresh_.placer().commit();
      table_pauses_.commit();
      received_ = std::max(received_, commit->end_lsn);
    } else if (const auto* truncate = std::get_if<TruncateMessage>(&message)) {
      for (const uint32_t oid : truncate->oids)
        if (const CapturedTable* table = table_of(oid)) assembler_.clear(*table);
    } else if (const auto* written = std::get_if<LogicalMessage>(&message)) {
      refresh_.placer().message(*written);
      table_pauses_.message(*written);
    } else if (std::holds_alternative<RelationMessage>(message)) {
      return false;
    }
    return true;
  }

  // nullptr: what comes of it is left out.
  const CapturedTable* table_of(uint32_t oid) {
    if (const CapturedTable* table = assembler_.table(oid)) return table;
    if (const auto past = past_tables_.find(oid); past != past_tables_.end()) {
      if (!past->second.empty())
        spdlog::info("capture: changes of {}, which the configuration does not have, are left out", past->second);
      past->second.clear();
      return nullptr;
    }
    throw Error(ErrorKind::setup, "PostgreSQL sends a table that the configuration does not name",
                "somebody changed the publication " + config_.publication() + ": run `tributary init`");
  }

  // A table's shape comes before its first row, and again after it changed.
  Task<> define(RelationMessage relation) {
    if (!is_catalogue_of(transaction_xid_)) co_await read_catalogue();
    std::string name = dotted_name(relation.schema, relation.name);
    for (const SourceTable& table : source_tables_) {
      if (!table.trouble.message.empty()) {
        if (table.oid == relation.oid) name.clear();
        continue;
      }
      // Not where it had another name when these rows were written: it was another table for whoever wrote them.
      const bool is_same_name = relation.schema == table.relation.schema && relation.name == table.relation.name;
      if (table.oid == relation.oid && is_same_name) co_return define_as(relation, table);
      if (table.oid == relation.oid) refresh_.compare(table.relation.full_name());
      if (std::find(table.leaves.begin(), table.leaves.end(), relation.oid) != table.leaves.end())
        note_leaf(relation, table);
    }
    // A table that is held, or was taken out of the configuration: what was written before it left the publication
    // still comes. The leaves of a partitioned table are announced too; their rows name the root.
    assembler_.forget(relation.oid);
    past_tables_[relation.oid] = name;
  }

  void define_as(const RelationMessage& relation, const SourceTable& table) {
    memo_.forget(relation.oid);
    CapturedTable captured = captured_table(relation, table);
    for (const uint32_t leaf : table.leaves)
      if (const auto lacked = leaf_lacked_.find(leaf); lacked != leaf_lacked_.end())
        captured.identity_lacked = lacked->second;
    assembler_.define(std::move(captured));
    refresh_.relation(relation.oid);
  }

  // A leaf is announced behind its root, before its first row, which names the root: what its old rows lack, those of
  // the root lack.
  void note_leaf(const RelationMessage& relation, const SourceTable& table) {
    const std::string lacked = identity_lacked_by_leaf(relation, table);
    leaf_lacked_.erase(relation.oid);
    if (lacked.empty()) return;
    leaf_lacked_[relation.oid] = lacked;
    if (const CapturedTable* root = assembler_.table(table.oid)) {
      CapturedTable captured = *root;
      captured.identity_lacked = lacked;
      assembler_.define(std::move(captured));
    }
  }

  // A transaction that had ended, for everybody to see, before the catalogue was read while none was in progress: so
  // had all that it saw. That its commit is in the log says less: it may not be visible for long after. Xids wrap
  // around.
  bool is_catalogue_of(uint32_t xid) const {
    return catalogue_xid_ == xid || (is_catalogue_quiet_ && static_cast<int32_t>(xid - catalogue_xmin_) < 0);
  }

  Task<> read_catalogue() {
    const TransactionsInProgress in_progress = co_await read_transactions_in_progress(session_);
    source_tables_ = co_await read_replication_set(session_, config_);
    guard_.compare(source_tables_);
    catalogue_xid_ = transaction_xid_;
    catalogue_xmin_ = in_progress.xmin;
    is_catalogue_quiet_ = in_progress.none;
  }

  const Config& config_;
  Queue& queue_;
  Worker& queue_writer_;
  StatusBoard& board_;
  RefreshState& refresh_state_;
  Connection& session_;
  WalStream& wal_;

  Assembler assembler_;
  CaptureState state_;
  Guard guard_;
  Refresh refresh_;
  TablePauses table_pauses_;
  FilterMemo memo_;
  std::vector<SourceTable> source_tables_;
  std::optional<uint32_t> catalogue_xid_;        // the transaction for which source_tables_ was read
  uint32_t catalogue_xmin_ = 0;                  // at that moment every older transaction had ended
  bool is_catalogue_quiet_ = false;              // and every one that had begun
  uint32_t transaction_xid_ = 0;                 // of the transaction at hand
  std::map<uint32_t, std::string> past_tables_;  // announced, but not sent; their names until one was logged
  std::map<uint32_t, std::string> leaf_lacked_;  // by leaf: what its identity lacked as it was announced last
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;

  Lsn received_;  // the end of the WAL heard of
  Lsn durable_;   // everything before it is in the queue, or needs no place there: what PostgreSQL is told
  Clock::time_point last_confirm_ = Clock::now();
  Clock::time_point last_status_{};
  Lsn reported_;         // the last durable_ that PostgreSQL was told
  Lsn log_snapshot_at_;  // durable_ when PostgreSQL was last made to log the running transactions
  Lsn looked_at_;        // where the stream was when its distance from the log's end was looked at
  Clock::time_point last_look_{};
  bool is_bulk_refused_ = false;
  bool is_reply_requested_ = false;  // by PostgreSQL, or by the end of a stretch that was read in bulk
  bool is_streaming_ = false;
  bool is_storing_ = false;
  AppendPace pace_;
  Signal stored_;
  Signal work_;
  Signal log_grown_;
};

Task<> report_tables(Connection& session, const Config& config, const std::vector<SourceTable>& tables,
                     status::Capture& status) {
  const std::vector<int64_t> not_copied = co_await read_rows_not_copied(session, config);
  status.clear_tables();
  for (size_t i = 0; i < tables.size(); ++i) {
    status::Table& table = *status.add_tables();
    table.set_name(tables[i].relation.full_name());
    table.set_row_filter(tables[i].row_filter);
    table.set_filter_in_publication(tables[i].filter_in_publication);
    table.set_rows_not_copied(not_copied[i]);
  }
}

int64_t unix_milliseconds_of(const std::optional<Commit>& commit) {
  return commit ? (commit->time + kPostgresEpochMicroseconds) / 1000 : 0;
}

// The next attempt begins a new stream, after what the queue holds of this one.
Task<> give_up_stream(Queue& queue, Worker& queue_writer, std::string reason) {
  co_await queue_writer.run([&] {
    queue.drop_incomplete();
    StreamRecord record = queue.stream_record();
    record.break_reason = reason;
    record.break_after = queue.head();
    queue.store_stream_record(record);
  });
}

// One attempt, which fails with PostgreSQL's own words.
Task<> capture(const Config& config, Queue& queue, Worker& queue_writer, StatusBoard& board, CaptureState state) {
  auto& status = board.capture();
  status.set_state("connecting");
  status.set_slot(config.slot());
  const std::string application = "tributary " + config.node.name;
  const auto sentinel =
      co_await Connection::open(config.database.connection, Purpose::session, application + " sentinel");
  co_await lock_node_name(*sentinel, config.node.name);
  const auto session = co_await Connection::open(config.database.connection, Purpose::session, application);
  const auto tables = co_await read_replication_set(*session, config);
  const auto wal = co_await WalStream::connect(config.database.connection, application);
  const StreamStart start =
      co_await continue_or_begin_stream(config, tables, queue, queue_writer, *session, *wal, board);
  co_await report_tables(*session, config, tables, status);

  status.set_stream(start.record.stream.to_string());
  status.set_confirmed_lsn(start.record.confirm_lsn.to_string());
  CaptureRun run(config, queue, queue_writer, board, state, *session, *wal, start, tables,
                 co_await asio::this_coro::executor);
  state.progress.begin_run(start.record.confirm_lsn, start.head, unix_milliseconds_of(start.record.last_commit),
                           run.held());
  state.progressed.notify();
  // When a task fails, the others may have to wait for the queue: PostgreSQL, which may be shutting down, must not wait
  // with them.
  const auto hang_up = [&wal] { wal->hang_up(); };
  std::optional<Error> lost;
  try {
    co_await until_one_ends(on_failure(hang_up, run.read()), on_failure(hang_up, run.store()),
                            on_failure(hang_up, run.report()), on_failure(hang_up, run.renew_nonces()),
                            on_failure(hang_up, run.keep_log_short()), on_failure(hang_up, run.refresh()),
                            on_failure(hang_up, run.guard()), on_failure(hang_up, run.end_pauses()),
                            run.watch_for_shutdown(*sentinel));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::stream_lost) throw;
    lost = error;
  }
  if (lost) {
    co_await give_up_stream(queue, queue_writer, lost->message());
    throw *lost;
  }
}

}  // namespace

Task<> capture_once(const Config& config, Queue& queue, Worker& queue_writer, StatusBoard& board, CaptureState state) {
  try {
    co_await capture(config, queue, queue_writer, board, state);
  } catch (const Error& error) {
    throw explained(error, quote_name(source_role(config)));
  }
}

}  // namespace tributary
