#include "source/pgoutput.h"

#include "base/bytes.h"

namespace tributary {
namespace {

std::string_view take_tuple(ByteReader& in, bool& has_unchanged) {
  const char* start = in.position();
  const uint16_t count = in.u16();
  for (uint16_t i = 0; i < count; ++i) {
    switch (in.u8()) {
      case 'n': break;
      case 'u': has_unchanged = true; break;
      case 't': in.skip(in.u32()); break;
      default: throw Error(ErrorKind::protocol, "pgoutput: a column value of an unknown kind");
    }
  }
  return {start, static_cast<size_t>(in.position() - start)};
}

RowMessage take_row(char kind, ByteReader& in) {
  RowMessage row;
  row.kind = kind;
  row.oid = in.u32();
  auto tag = static_cast<char>(in.u8());
  if (tag == 'K' || tag == 'O') {
    row.old_kind = tag;
    bool is_ignored = false;  // an old tuple has no such marker
    row.old_tuple = take_tuple(in, is_ignored);
    if (kind == 'D') return row;
    tag = static_cast<char>(in.u8());
  }
  if (tag != 'N' || kind == 'D' || (kind == 'I' && row.old_kind))
    throw Error(ErrorKind::protocol, "pgoutput: a row message without its tuple");
  row.new_tuple = take_tuple(in, row.new_has_unchanged);
  return row;
}

RelationMessage take_relation(ByteReader& in) {
  RelationMessage relation;
  relation.oid = in.u32();
  relation.schema = in.c_string();
  if (relation.schema.empty()) relation.schema = "pg_catalog";
  relation.name = in.c_string();
  relation.identity = static_cast<char>(in.u8());
  const uint16_t count = in.u16();
  for (uint16_t i = 0; i < count; ++i) {
    RelationMessage::Column column;
    column.is_identity = (in.u8() & 1) != 0;
    column.name = in.c_string();
    column.type_oid = in.u32();
    column.type_modifier = static_cast<int32_t>(in.u32());
    relation.columns.push_back(std::move(column));
  }
  return relation;
}

}  // namespace

Message parse_message(std::string_view bytes) {
  ByteReader in(bytes);
  const char tag = static_cast<char>(in.u8());
  switch (tag) {
    case 'B': {
      BeginMessage begin;
      begin.final_lsn = {in.u64()};
      begin.time = in.i64();
      begin.xid = in.u32();
      return begin;
    }
    case 'C': {
      CommitMessage commit;
      in.skip(1 + 8);
      commit.end_lsn = {in.u64()};
      commit.time = in.i64();
      return commit;
    }
    case 'R': return take_relation(in);
    case 'I':
    case 'U':
    case 'D': return take_row(tag, in);
    case 'T': {
      TruncateMessage truncate;
      const uint32_t count = in.u32();
      in.skip(1);
      for (uint32_t i = 0; i < count; ++i) truncate.oids.push_back(in.u32());
      return truncate;
    }
    case 'M': {
      LogicalMessage message;
      message.is_transactional = (in.u8() & 1) != 0;
      in.skip(8);
      message.prefix = in.c_string();
      message.content = in.bytes(in.u32());
      return message;
    }
    case 'O':
    case 'Y': return IgnoredMessage{};
    default: throw Error(ErrorKind::protocol, std::string("pgoutput: unknown message '") + tag + "'");
  }
}

}  // namespace tributary
