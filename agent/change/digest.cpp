#include "change/digest.h"

#include <algorithm>
#include <charconv>

#include "change/chunk.h"

namespace tributary {
namespace {

constexpr uint8_t kHasAfter = 1, kIsOpen = 2, kIsToVerify = 4, kMayDeleteExtra = 8, kIsInspection = 16,
                  kWantsValues = 32, kKeepsExtra = 64;
constexpr size_t kRangeBytesMin = 20;

}  // namespace

RowHash RowHash::parse(std::string_view md5) {
  RowHash hash;
  const char* middle = md5.data() + 16;
  const char* end = md5.data() + md5.size();
  if (md5.size() != 32 || std::from_chars(md5.data(), middle, hash.a, 16).ptr != middle ||
      std::from_chars(middle, end, hash.b, 16).ptr != end)
    throw Error(ErrorKind::protocol, "PostgreSQL answered with something that is no MD5");
  return hash;
}

DigestView parse_digest(std::string_view body) {
  ByteReader in(body);
  DigestView digest;
  const uint8_t form = in.u8();
  if (form == kIsInspection || form == (kIsInspection | kWantsValues)) {
    digest.is_inspection = true;
    digest.wants_values = form & kWantsValues;
    digest.keys = take_tuples(in);
    if (digest.keys.size() > kInspectedMax || !in.empty())
      throw Error(ErrorKind::protocol, "an inspection of too many keys, or with bytes after its end");
    return digest;
  }
  if (form & ~(kHasAfter | kIsOpen | kIsToVerify | kMayDeleteExtra | kKeepsExtra))
    throw Error(ErrorKind::protocol, "a digest of an unknown form");
  digest.is_to_verify = form & kIsToVerify;
  digest.may_delete_extra = form & kMayDeleteExtra;
  digest.keeps_extra = form & kKeepsExtra;
  if (form & kHasAfter) digest.after = take_tuple(in);
  digest.settled = take_tuples(in);
  const uint32_t count = in.u32();
  if (count == 0) throw Error(ErrorKind::protocol, "a digest of no range");
  digest.ranges.reserve(std::min<size_t>(count, in.remaining() / kRangeBytesMin));
  for (uint32_t i = 0; i < count; ++i) {
    DigestView::Range& range = digest.ranges.emplace_back();
    range.sum.rows = in.u32();
    range.sum.a = in.u64();
    range.sum.b = in.u64();
    if (i + 1 < count || !(form & kIsOpen)) range.end = take_tuple(in);
  }
  if (!in.empty()) throw Error(ErrorKind::protocol, "bytes after the end of a digest");
  return digest;
}

std::string encode_digest(const DigestView& digest) {
  std::string out;
  if (digest.is_inspection) {
    put_u8(out, static_cast<uint8_t>(kIsInspection | (digest.wants_values ? kWantsValues : 0)));
    put_tuples(out, digest.keys);
    return out;
  }
  put_u8(out, static_cast<uint8_t>((digest.after ? kHasAfter : 0) | (digest.ranges.back().end ? 0 : kIsOpen) |
                                   (digest.is_to_verify ? kIsToVerify : 0) |
                                   (digest.may_delete_extra ? kMayDeleteExtra : 0) |
                                   (digest.keeps_extra ? kKeepsExtra : 0)));
  if (digest.after) out += *digest.after;
  put_tuples(out, digest.settled);
  put_u32(out, static_cast<uint32_t>(digest.ranges.size()));
  for (const DigestView::Range& range : digest.ranges) {
    put_u32(out, range.sum.rows);
    put_u64(out, range.sum.a);
    put_u64(out, range.sum.b);
    if (range.end) out += *range.end;
  }
  return out;
}

}  // namespace tributary
