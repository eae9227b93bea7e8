#include "source/slot.h"

namespace tributary {

Task<> lock_node_name(Connection& session, std::string node) {
  // "trib", so that the key is not one of the application's.
  const Result row =
      co_await session.execute("SELECT pg_catalog.pg_try_advisory_lock(1953653090, pg_catalog.hashtext($1))", {node});
  if (!row.boolean(0, 0))
    throw Error(
        ErrorKind::setup, "another agent named " + node + " works on this database",
        "stop it first; SELECT pid, client_addr FROM pg_stat_activity WHERE application_name LIKE 'tributary%'");
}

Task<SourceFacts> read_source_facts(Connection& session, WalStream& wal, std::string node, std::string slot,
                                    uint32_t queue_timeline) {
  SourceFacts facts;
  const SystemIdentity identity = co_await wal.identify();
  facts.system_identifier = identity.system_identifier;
  facts.timeline = identity.timeline;
  facts.flush_lsn = identity.flush_lsn;
  // An older server's history cannot hold a younger timeline's end: it went back.
  if (queue_timeline && queue_timeline < identity.timeline)
    facts.switch_point = co_await wal.switch_point(identity.timeline, queue_timeline);
  const Result slots = co_await session.execute(
      "SELECT coalesce(wal_status, '') = 'lost', coalesce(confirmed_flush_lsn, '0/0') "
      "FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
      {slot});
  if (slots.rows() == 1) facts.slot = SourceFacts::Slot{slots.boolean(0, 0), Lsn::parse(slots.value(0, 1))};
  std::optional<Error> failure;
  try {
    const Result row = co_await session.execute("SELECT stream, nonce FROM tributary.stream WHERE node = $1", {node});
    if (row.rows() == 1)
      facts.stream_row = SourceFacts::StreamRow{Uuid::parse(row.value(0, 0)), Uuid::parse(row.value(0, 1))};
  } catch (const Error& error) {
    failure = error;
  }
  if (failure) {
    if (failure->sqlstate() != "42P01" && failure->sqlstate() != "42501") throw *failure;
    throw Error(ErrorKind::setup, "the database was not prepared for this node: " + failure->message(),
                "run `tributary init` as an administrator of the database", failure->sqlstate());
  }
  co_return facts;
}

Task<std::string> transactions_that_delay_a_slot(Connection& session) {
  const Result rows = co_await session.query(
      "SELECT pid, coalesce(application_name, ''), to_char(now() - xact_start, 'HH24:MI:SS') "
      "FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_catalog.pg_backend_pid() "
      "ORDER BY xact_start LIMIT 3");
  std::string text;
  for (int i = 0; i < rows.rows(); ++i) {
    text += (i ? ", " : "") + ("pid " + rows.text(i, 0));
    if (!rows.value(i, 1).empty()) text += " (" + rows.text(i, 1) + ")";
    if (!rows.value(i, 2).empty()) text += " running for " + rows.text(i, 2);
  }
  co_return text;
}

Task<> log_running_transactions(Connection& session) {
  co_await session.query("SET statement_timeout = '200ms'");
  co_await session.query(
      "SELECT pg_catalog.pg_create_logical_replication_slot("
      "'tributary_log_' || pg_catalog.pg_backend_pid(), 'pgoutput', true)");
}

Task<> store_stream_row(Connection& session, std::string node, std::string slot, Uuid stream, Uuid nonce,
                        std::string system_identifier) {
  co_await session.execute(
      "INSERT INTO tributary.stream (node, slot, stream, nonce, system_identifier) VALUES ($1, $2, $3, $4, $5) "
      "ON CONFLICT (node) DO UPDATE SET slot = excluded.slot, stream = excluded.stream, nonce = excluded.nonce, "
      "system_identifier = excluded.system_identifier, updated_at = pg_catalog.now()",
      {node, slot, stream.to_string(), nonce.to_string(), system_identifier});
}

Task<> store_nonce(Connection& session, std::string node, Uuid stream, Uuid nonce) {
  const Result done = co_await session.execute(
      "UPDATE tributary.stream SET nonce = $3, updated_at = pg_catalog.now() WHERE node = $1 AND stream = $2",
      {node, stream.to_string(), nonce.to_string()});
  if (done.affected() != 1)
    throw Error(ErrorKind::stream_lost, "the database no longer knows this stream: it was restored or re-created");
}

}  // namespace tributary
