// What the source knows of our slot and stream, and the making of new ones.
#pragma once

#include <string>

#include "postgres/connection.h"
#include "source/continuity.h"
#include "source/wal_stream.h"

namespace tributary {

// Takes the session's advisory lock that keeps a second agent of the same name off this database.
// Throws Error(setup) when another session has it.
Task<> lock_node_name(Connection& session, std::string node);

// The slot's state and the row of tributary.stream. Throws Error(setup) when `init` was not run here.
Task<SourceFacts> read_source_facts(Connection& session, WalStream& wal, std::string node, std::string slot,
                                    uint32_t queue_timeline);

// Which transactions still run that a new slot waits for: "pid 4711 (since 12:03, psql)"; empty when there are none.
Task<std::string> transactions_that_delay_a_slot(Connection& session);

// Has PostgreSQL write into the log which transactions are running. restart_lsn follows what is confirmed only from one
// such record to the next, and PostgreSQL writes one every 15 s, or at a checkpoint. Making a logical slot writes one
// too (ReplicationSlotReserveWal): here a temporary one, which goes with the session. Throws when no slot is free; when
// transactions run that the slot would have to wait for, it throws after 0.2 s, and the record is written.
Task<> log_running_transactions(Connection& session);

// Writes stream and nonce into tributary.stream.
Task<> store_stream_row(Connection& session, std::string node, std::string slot, Uuid stream, Uuid nonce,
                        std::string system_identifier);
Task<> store_nonce(Connection& session, std::string node, Uuid stream, Uuid nonce);

}  // namespace tributary
