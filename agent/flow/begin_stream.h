// Begins or continues the node's stream, before a row is read.
#pragma once

#include "base/worker.h"
#include "config/config.h"
#include "monitor/status_board.h"
#include "postgres/connection.h"
#include "queue/queue.h"
#include "source/catalogue.h"
#include "source/wal_stream.h"

namespace tributary {

struct StreamStart {
  StreamRecord record;
  Position head;
  bool is_slot_behind = false;  // the slot stands before the last stored transaction
};

// Compares the queue with the source (exact-rules.md 2). Where they agree, renews the nonce in both; otherwise makes a
// new slot and stream, recorded in the queue after what it still holds. Crash-safe at every step: what is half done is
// found and done again.
// `tables`: the replication set as it is prepared now; a changed filter begins a new stream too.
Task<StreamStart> continue_or_begin_stream(const Config& config, const std::vector<SourceTable>& tables, Queue& queue,
                                           Worker& queue_writer, Connection& session, WalStream& wal,
                                           StatusBoard& board);

// Renews the nonce that tells the database and its queue from copies of them.
Task<> renew_nonce(const Config& config, Queue& queue, Worker& queue_writer, Connection& session);

}  // namespace tributary
