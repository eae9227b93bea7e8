#include "flow/begin_stream.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "flow/replication_set.h"
#include "source/catalogue.h"
#include "source/slot.h"

namespace tributary {
namespace {

// While the slot is being made: which transactions it waits for, in the status.
Task<> report_delay(const Config& config, StatusBoard& board) {
  co_await sleep_for(std::chrono::seconds(2));
  const auto session =
      co_await Connection::open(config.database.connection, Purpose::session, "tributary " + config.node.name);
  for (;;) {
    const std::string running = co_await transactions_that_delay_a_slot(*session);
    board.capture().set_message("making the replication slot; PostgreSQL waits for running transactions to end" +
                                (running.empty() ? "" : ": " + running));
    co_await sleep_for(std::chrono::seconds(5));
  }
}

Task<> make_slot(const Config& config, WalStream& wal, StatusBoard& board, Lsn& consistent_point) {
  const auto make = [](WalStream& stream, std::string slot, Lsn& point) -> Task<> {
    point = co_await stream.create_slot(std::move(slot));
  };
  co_await until_one_ends(make(wal, config.slot(), consistent_point), report_delay(config, board));
}

// The tables that are not held.
Config fit_part(const Config& config, const std::vector<SourceTable>& tables) {
  Config fit = config;
  fit.tables.clear();
  for (size_t i = 0; i < tables.size(); ++i)
    if (tables[i].trouble.message.empty()) fit.tables.push_back(config.tables[i]);
  return fit;
}

QueueFacts facts_of(const StreamRecord& record) {
  QueueFacts facts{record.stream,      record.system_identifier, record.timeline, record.nonces, record.confirm_lsn, {},
                   record.break_reason};
  if (record.last_commit) facts.last_end_lsn = record.last_commit->end_lsn;
  return facts;
}

Task<StreamRecord> begin_stream(const Config& config, const std::vector<SourceTable>& tables, Queue& queue,
                                Worker& queue_writer, Connection& session, WalStream& wal, StatusBoard& board,
                                StreamRecord old, const SourceFacts& source, const std::string& reason) {
  const std::string slot = config.slot();
  board.capture().set_state("making the replication slot");
  spdlog::info("capture: a new stream begins: {}", reason);

  // A slot of ours from before is dropped; a crash from here on finds a slot without its record, and begins again.
  if (source.slot) co_await wal.drop_slot(slot);
  Lsn consistent_point;
  co_await make_slot(config, wal, board, consistent_point);

  StreamRecord record;
  record.slot = slot;
  record.stream = Uuid::random();
  record.nonces = {Uuid::random()};
  record.system_identifier = source.system_identifier;
  record.timeline = source.timeline;
  record.confirm_lsn = consistent_point;
  record.replication_set = describe_replication_set(config, tables, "");
  co_await store_stream_row(session, config.node.name, slot, record.stream, record.nonces[0], source.system_identifier);
  co_await record_rows_not_copied(session, fit_part(config, tables));

  const bool is_break = !old.break_reason.empty();
  co_await queue_writer.run([&] {
    // Where the parent's position is no longer in the queue, what lies there would not be understood.
    const bool is_discarded = is_break && old.break_after != queue.head();
    Batch batch;
    batch.kind = BatchKind::new_stream;
    batch.from = is_break ? old.break_after : queue.head();
    batch.to = Position{record.stream, 0, consistent_point, 0};
    batch.reason = reason;
    queue.begin_stream(batch, record, is_discarded);
  });
  co_return record;
}

}  // namespace

Task<> renew_nonce(const Config& config, Queue& queue, Worker& queue_writer, Connection& session) {
  const Uuid fresh = Uuid::random();
  const Uuid stream = co_await queue_writer.run([&] {
    StreamRecord record = queue.stream_record();
    record.nonces.push_back(fresh);
    queue.store_stream_record(record);
    return record.stream;
  });
  co_await store_nonce(session, config.node.name, stream, fresh);
  co_await queue_writer.run([&] {
    StreamRecord record = queue.stream_record();
    record.nonces = {fresh};
    queue.store_stream_record(record);
  });
}

Task<StreamStart> continue_or_begin_stream(const Config& config, const std::vector<SourceTable>& tables, Queue& queue,
                                           Worker& queue_writer, Connection& session, WalStream& wal,
                                           StatusBoard& board) {
  StreamStart start;
  co_await queue_writer.run([&] {
    queue.drop_incomplete();
    start.record = queue.stream_record();
    start.head = queue.head();
  });
  StreamRecord& record = start.record;
  const SourceFacts source = co_await read_source_facts(session, wal, config.node.name, config.slot(), record.timeline);
  const ReplicationSetChange change = compare_replication_sets(record.replication_set, config, tables);
  std::string reason = reason_for_new_stream(facts_of(record), source);
  if (reason.empty() && !change.changed.empty())
    reason =
        "the row filter or the columns of " + change.changed.front() + " changed, or it was not published for a while";
  if (!reason.empty()) {
    record = co_await begin_stream(config, tables, queue, queue_writer, session, wal, board, record, source, reason);
    start.head = co_await queue_writer.run([&] { return queue.head(); });
    co_return start;
  }

  // What was confirmed beyond the end of a history that was cut there (a failover) was no transaction of ours, but
  // another history grows in its place now: none of it may be confirmed unread.
  Lsn end = source.flush_lsn;
  if (source.switch_point) end = std::min(end, *source.switch_point);
  record.confirm_lsn = std::min(record.confirm_lsn, end);
  record.timeline = source.timeline;
  record.replication_set = describe_replication_set(config, tables, record.replication_set);
  co_await queue_writer.run([&] { queue.store_stream_record(record); });
  if (!change.added.empty()) {
    Config added = config;
    added.tables = change.added;
    co_await record_rows_not_copied(session, added);
  }
  co_await renew_nonce(config, queue, queue_writer, session);
  start.is_slot_behind = record.last_commit && source.slot->confirmed_flush < record.last_commit->end_lsn;
  co_return start;
}

}  // namespace tributary
