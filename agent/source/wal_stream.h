// The replication connection: START_REPLICATION on our slot, messages in, status updates out.
//
//   in:  'w' u64 start, u64 end, i64 time, pgoutput message | 'k' u64 end of WAL, i64 time, u8 reply requested
//   out: 'r' u64 written, u64 flushed, u64 applied, i64 time, u8 reply requested
// Source: https://www.postgresql.org/docs/15/protocol-replication.html
//
// What is confirmed here PostgreSQL may forget: the caller confirms only what the queue has fsynced.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "change/position.h"
#include "postgres/connection.h"

namespace tributary {

struct WalMessage {
  bool is_keepalive = false;
  bool is_reply_requested = false;
  Lsn end;                   // of a keepalive: everything before it was sent
  std::string_view content;  // a pgoutput message; lives until the next call of next()
};

struct SystemIdentity {
  std::string system_identifier;
  uint32_t timeline = 0;
  Lsn flush_lsn;
};

class WalStream {
 public:
  static Task<std::unique_ptr<WalStream>> connect(std::string conninfo, std::string application_name);

  Task<SystemIdentity> identify();
  // Where `timeline`'s history says that `ancestor` ended; nullopt when it was no ancestor.
  Task<std::optional<Lsn>> switch_point(uint32_t timeline, uint32_t ancestor);
  // Makes the slot; waits until every transaction running now has ended. Returns its consistent point.
  Task<Lsn> create_slot(std::string slot);
  Task<> drop_slot(std::string slot);
  Task<> start(std::string slot, std::string publication);

  // The next message already received, or nullopt. Throws Error(connection) when the server ended the stream.
  std::optional<WalMessage> next();
  Task<> wait_for_input() { return connection_->wait_for_input(); }
  void hang_up() { connection_->hang_up(); }  // the server's walsender ends at once
  // Moves the slot and ends: a walsender that was told to end a stream does not listen in its next one, so this object
  // is of no use after it. (pg_replication_slot_advance would read the log up to `durable` once more.)
  Task<> confirm(std::string slot, std::string publication, Lsn durable);
  Task<> send_status(Lsn received, Lsn durable);

 private:
  explicit WalStream(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
  std::unique_ptr<Connection> connection_;
};

}  // namespace tributary
