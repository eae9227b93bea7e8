#include "change/payload.h"

namespace tributary {

void read_tuple(ByteReader& in, std::vector<Value>& values) {
  const uint16_t count = in.u16();
  values.resize(count);
  for (Value& value : values) {
    value.kind = static_cast<ValueKind>(in.u8());
    switch (value.kind) {
      case ValueKind::null:
      case ValueKind::unchanged: value.text = {}; break;
      case ValueKind::text: value.text = in.bytes(in.u32()); break;
      default: throw Error(ErrorKind::protocol, "unknown column tag in a tuple");
    }
  }
}

void write_tuple(std::string& out, const std::vector<Value>& values) {
  put_u16(out, static_cast<uint16_t>(values.size()));
  for (const Value& value : values) {
    out.push_back(static_cast<char>(value.kind));
    if (value.kind == ValueKind::text) {
      put_u32(out, static_cast<uint32_t>(value.text.size()));
      out += value.text;
    }
  }
}

std::string_view take_tuple(ByteReader& in) {
  const char* start = in.position();
  const uint16_t count = in.u16();
  for (uint16_t i = 0; i < count; ++i) {
    switch (static_cast<ValueKind>(in.u8())) {
      case ValueKind::null:
      case ValueKind::unchanged: break;
      case ValueKind::text: in.skip(in.u32()); break;
      default: throw Error(ErrorKind::protocol, "unknown column tag in a tuple");
    }
  }
  return {start, static_cast<size_t>(in.position() - start)};
}

Record PayloadReader::next() {
  const char tag = static_cast<char>(in_.u8());
  switch (tag) {
    case 'C': {
      Commit commit;
      commit.xid = in_.u32();
      commit.end_lsn = {in_.u64()};
      commit.time = in_.i64();
      return commit;
    }
    case 'I':
    case 'P':
    case 'U':
    case 'D':
    case 'S': {
      ChangeView change{static_cast<ChangeKind>(tag), in_.u16(), {}};
      change.tuple = take_tuple(in_);
      return change;
    }
    case 'T': return ChangeView{ChangeKind::clear, in_.u16(), {}};
    case 'R':
    case 'G': {
      ChangeView change{static_cast<ChangeKind>(tag), in_.u16(), {}};
      change.tuple = in_.bytes(in_.u32());
      return change;
    }
    default: throw Error(ErrorKind::protocol, "unknown record in a batch's payload");
  }
}

void write_change(std::string& out, ChangeKind kind, uint16_t relation, std::string_view tuple) {
  out.push_back(static_cast<char>(kind));
  put_u16(out, relation);
  if (kind == ChangeKind::chunk || kind == ChangeKind::digest) put_u32(out, static_cast<uint32_t>(tuple.size()));
  out += tuple;
}

void write_commit(std::string& out, const Commit& commit) {
  out.push_back('C');
  put_u32(out, commit.xid);
  put_u64(out, commit.end_lsn.value);
  put_u64(out, static_cast<uint64_t>(commit.time));
}

}  // namespace tributary
