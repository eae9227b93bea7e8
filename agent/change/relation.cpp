#include "change/relation.h"

#include "base/bytes.h"
#include "base/hash.h"

namespace tributary {
namespace {

void put_text(std::string& out, const std::string& text) {
  put_u32(out, static_cast<uint32_t>(text.size()));
  out += text;
}

std::string take_text(ByteReader& in) {
  const uint32_t size = in.u32();
  return std::string(in.bytes(size));
}

}  // namespace

std::string Relation::encode() const {
  std::string out;
  put_text(out, schema);
  put_text(out, name);
  put_u16(out, static_cast<uint16_t>(columns.size()));
  for (const Column& column : columns) {
    put_text(out, column.name);
    put_u32(out, column.type_oid);
    put_text(out, column.type_name);
    put_u32(out, static_cast<uint32_t>(column.type_modifier));
    put_u8(out, column.is_key);
  }
  return out;
}

Relation Relation::decode(std::string_view bytes) {
  ByteReader in(bytes);
  Relation relation;
  relation.schema = take_text(in);
  relation.name = take_text(in);
  const uint16_t count = in.u16();
  for (uint16_t i = 0; i < count; ++i) {
    Column column;
    column.name = take_text(in);
    column.type_oid = in.u32();
    column.type_name = take_text(in);
    column.type_modifier = static_cast<int32_t>(in.u32());
    column.is_key = in.u8() != 0;
    relation.columns.push_back(std::move(column));
  }
  if (!in.empty()) throw Error(ErrorKind::protocol, "bytes after the end of a relation");
  return relation;
}

uint64_t Relation::shape_id() const {
  return hash_of(encode());
}

}  // namespace tributary
