// A large backlog of the slot, read in bulk: PostgreSQL decodes a stretch of the log as a query of an ordinary session,
// and sends it in large pieces. That costs half of the replication stream, which sends every message by itself.
//
//   COPY (SELECT data FROM pg_logical_slot_peek_binary_changes(slot, end, ...)) TO STDOUT (FORMAT binary)
//
//   in:  [11 bytes signature, u32 flags, u32 n, n bytes] before the first row;
//        per row: u16 1 (columns), u32 length, a pgoutput message | u16 0xffff (the end)
// Sources: https://www.postgresql.org/docs/15/functions-admin.html#FUNCTIONS-REPLICATION and sql-copy.html
//
// The messages are those of the stream. Reading moves nothing: the slot stays until the caller has it moved. PostgreSQL
// puts a whole stretch together before it sends the first row of it, and reads the log from the slot's restart_lsn each
// time, so stretches are bounded by `end_of_next_stretch`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "change/position.h"
#include "postgres/connection.h"

namespace tributary {

struct SlotPlace {
  bool is_active = false;  // somebody reads from the slot
  Lsn restart;             // where PostgreSQL begins to read
  Lsn confirmed;           // what commits behind this has not been confirmed
  Lsn log_end;             // of what is flushed
};

Task<SlotPlace> read_slot_place(Connection& session, std::string slot);

// Up to where to read next in bulk, after `stretches` others; nullopt: the stream is better, because the end is near,
// or because too much before it would be read again: then transactions come fast, or one has been open for long.
std::optional<Lsn> end_of_next_stretch(const SlotPlace& place, int stretches);

// Whether a stream that has come to `place.confirmed` is so far behind that it pays to leave it and read in bulk: what
// lies before is then read twice again, by the first stretch and by the stream that comes after.
bool is_far_behind(const SlotPlace& place);

class WalBacklog {
 public:
  static Task<std::unique_ptr<WalBacklog>> connect(std::string conninfo, std::string application_name, std::string slot,
                                                   std::string publication);

  // Asks for every transaction whose commit record begins before `end` and behind what the slot has confirmed. Returns
  // when the first message has come; what keeps PostgreSQL from decoding the stretch is thrown from here.
  Task<> begin_stretch(Lsn end);
  // The next pgoutput message already received, or nullopt; it lives until the next call.
  std::optional<std::string_view> next();
  bool has_ended() const { return has_ended_; }  // the stretch
  Task<> wait_for_input() { return connection_->wait_for_input(); }

  // After its last message: the slot is free again.
  Task<> end_stretch() { return connection_->finish_copy_out(); }

 private:
  WalBacklog(std::unique_ptr<Connection> connection, std::string slot, std::string publication)
      : connection_(std::move(connection)), slot_(std::move(slot)), publication_(std::move(publication)) {}
  std::optional<std::string_view> message_in(std::string_view row);  // nullopt: the end of the rows

  std::unique_ptr<Connection> connection_;
  std::string slot_, publication_;
  std::optional<std::string_view> received_;  // the first row, until it was taken
  bool is_header_read_ = false;
  bool has_ended_ = true;
};

}  // namespace tributary
