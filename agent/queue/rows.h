// How values lie in the columns of the queue's tables; for the files that make up Store.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "queue/store.h"

namespace tributary {

// stream (16 bytes), seq, end LSN, chain
inline std::string encode(const Position& position) {
  std::string bytes = position.stream.to_bytes();
  put_u64(bytes, position.seq);
  put_u64(bytes, position.end_lsn.value);
  put_u64(bytes, position.chain);
  return bytes;
}

inline Position decode_position(ByteReader& in) {
  Position position;
  position.stream = Uuid::from_bytes(in.bytes(16));
  position.seq = in.u64();
  position.end_lsn = {in.u64()};
  position.chain = in.u64();
  return position;
}

inline Position position_at(const SQLite::Statement& row, int column) {
  const std::string bytes = row.getColumn(column).getString();
  ByteReader in(bytes);
  return decode_position(in);
}

inline uint64_t unsigned_at(const SQLite::Statement& row, int column) {
  return static_cast<uint64_t>(row.getColumn(column).getInt64());
}

inline int64_t as_stored(uint64_t value) {
  return static_cast<int64_t>(value);
}

// xid, end LSN, time; nothing for none
inline std::string encode(const std::optional<Commit>& commit) {
  std::string bytes;
  if (!commit) return bytes;
  put_u32(bytes, commit->xid);
  put_u64(bytes, commit->end_lsn.value);
  put_u64(bytes, static_cast<uint64_t>(commit->time));
  return bytes;
}

inline std::optional<Commit> commit_at(const SQLite::Statement& row, int column) {
  const std::string bytes = row.getColumn(column).getString();
  ByteReader in(bytes);
  if (in.empty()) return std::nullopt;
  Commit commit;
  commit.xid = in.u32();
  commit.end_lsn = {in.u64()};
  commit.time = in.i64();
  return commit;
}

// Ends the statement's read or write when it leaves its scope: an open reader stops the write-ahead log's reset.
class Use {
 public:
  explicit Use(SQLite::Statement& statement) : statement_(statement) {}
  ~Use() { statement_.tryReset(); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  SQLite::Statement* operator->() const { return &statement_; }
  SQLite::Statement& operator*() const { return statement_; }

 private:
  SQLite::Statement& statement_;
};

}  // namespace tributary
