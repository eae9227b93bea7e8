#include "postgres/key_range.h"

#include <set>

namespace tributary {
namespace {

// Types with one order on every server: bool, bytea, "char", int8, int2, int4, oid, cidr, float4, float8, macaddr,
// inet, date, time, timestamp, timestamptz, timetz, numeric, uuid. Interval is none: equal ones have several texts.
const std::set<uint32_t> kOrderedTypes = {16,  17,  18,   20,   21,   23,   26,   650,  700, 701,
                                          829, 869, 1082, 1083, 1114, 1184, 1266, 1700, 2950};
constexpr uint32_t kText = 25, kVarchar = 1043, kBpchar = 1042;

// Text by its bytes as UTF-8.
std::string by_bytes(const std::string& text, bool is_utf8) {
  return is_utf8 ? text + " COLLATE \"C\"" : "convert_to(" + text + ", 'UTF8')";
}

std::string text_of(const KeyPart& part) {
  switch (part.child_type_oid) {
    case kText:
    case kVarchar: return part.value;
    case kBpchar: return part.value + "::pg_catalog.bpchar::text";
    default: return "format('%s', " + part.value + ")";  // what the type's output function writes
  }
}

std::string text_of(const KeyPart& part, const std::string& bound) {
  return part.child_type_oid == kBpchar ? bound + "::pg_catalog.bpchar::text" : bound + "::text";
}

std::string ordered(const KeyPart& part, bool is_utf8) {
  if (kOrderedTypes.contains(part.child_type_oid)) return part.value;
  return by_bytes(text_of(part), is_utf8);
}

// As the type here: 0.1 as float4 is not 0.1 as float8, but the order is the same.
std::string ordered_bound(const KeyPart& part, const std::string& bound, bool is_utf8) {
  if (kOrderedTypes.contains(part.child_type_oid)) return bound + "::text::" + part.type;
  return by_bytes(text_of(part, bound), is_utf8);
}

}  // namespace

std::string KeyOrder::order() const {
  std::string sql;
  for (const KeyPart& part : parts) sql += (sql.empty() ? "" : ", ") + ordered(part, is_utf8);
  return sql;
}

std::string KeyOrder::compared(const char* comparison, const std::vector<std::string>& bound) const {
  std::string left, right;
  for (size_t i = 0; i < parts.size(); ++i) {
    left += (i ? ", " : "") + ordered(parts[i], is_utf8);
    right += (i ? ", " : "") + ordered_bound(parts[i], bound[i], is_utf8);
  }
  return "(" + left + ") " + comparison + " (" + right + ")";
}

std::string KeyOrder::is_after(const std::vector<std::string>& bound) const {
  return compared(">", bound);
}

std::string KeyOrder::is_up_to(const std::vector<std::string>& bound) const {
  return compared("<=", bound);
}

}  // namespace tributary
