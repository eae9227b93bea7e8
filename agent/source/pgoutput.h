// Messages of PostgreSQL's logical replication protocol (pgoutput, protocol version 1), as views into the bytes
// received.
//
//   'B' u64 final LSN, i64 commit time, u32 xid                                       begin
//   'C' u8 flags, u64 commit LSN, u64 end LSN, i64 commit time                         commit
//   'O' u64 LSN, name                                                                  origin: of no meaning here
//   'R' u32 oid, schema, name, u8 identity, u16 n, n × (u8 flags, name, u32 type, i32 type modifier)
//   'Y' u32 oid, schema, name                                                          type
//   'I' u32 oid, 'N' tuple                                                             insert
//   'U' u32 oid, [('K' | 'O') tuple], 'N' tuple                                        update
//   'D' u32 oid, ('K' | 'O') tuple                                                     delete
//   'T' u32 n, u8 options, n × u32 oid                                                 truncate
//   'M' u8 flags, u64 LSN, prefix, u32 length, bytes                                   message
// Source: https://www.postgresql.org/docs/15/protocol-logicalrep-message-formats.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "change/position.h"

namespace tributary {

struct BeginMessage {
  Lsn final_lsn;  // of the commit record's start
  int64_t time = 0;
  uint32_t xid = 0;
};

struct CommitMessage {
  Lsn end_lsn;
  int64_t time = 0;
};

struct RelationMessage {
  struct Column {
    bool is_identity = false;
    std::string name;
    uint32_t type_oid = 0;
    int32_t type_modifier = -1;
  };
  uint32_t oid = 0;
  std::string schema;  // empty for pg_catalog
  std::string name;
  char identity = 'd';  // 'd'efault, 'n'othing, 'f'ull, 'i'ndex
  std::vector<Column> columns;
};

// An insert, update or delete.
struct RowMessage {
  char kind = 'I';  // 'I', 'U', 'D'
  uint32_t oid = 0;
  char old_kind = 0;  // 'K' (identity columns only), 'O' (the whole old row), 0: none
  std::string_view old_tuple;
  std::string_view new_tuple;      // empty for a delete
  bool new_has_unchanged = false;  // the new tuple has at least one "unchanged" marker
};

struct TruncateMessage {
  std::vector<uint32_t> oids;
};

// What somebody wrote into the log by pg_logical_emit_message.
struct LogicalMessage {
  bool is_transactional = false;  // it stands in the open transaction; otherwise anywhere
  std::string_view prefix;
  std::string_view content;
};

struct IgnoredMessage {};

using Message = std::variant<IgnoredMessage, BeginMessage, CommitMessage, RelationMessage, RowMessage, TruncateMessage,
                             LogicalMessage>;

// Throws Error(protocol) on anything malformed or unknown.
Message parse_message(std::string_view bytes);

}  // namespace tributary
