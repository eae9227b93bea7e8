#include "apply/sent_text.h"

namespace tributary {
namespace {

enum Oid : uint32_t {
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kFloat4 = 700,
  kFloat8 = 701,
  kBpchar = 1042,
  kNumeric = 1700
};

std::string with_scale(const std::string& value, int scale) {
  const std::string rounded = "round(" + value + ", " + std::to_string(scale) + ")";
  return "CASE WHEN " + rounded + " = " + value + " THEN " + rounded + " ELSE " + value + " END";
}

std::string as_float4(const std::string& value) {
  return "CASE WHEN (" + value + " = 0 OR abs(" + value + ") BETWEEN 1.5e-45 AND 3.4e38) THEN CASE WHEN " + value +
         "::float4::text::float8 = " + value + " THEN " + value + "::float4::text ELSE " + value + "::text END ELSE " +
         value + "::text END";
}

}  // namespace

int numeric_scale(int32_t modifier) {
  return (((modifier - 4) & 0x7ff) ^ 0x400) - 0x400;
}

std::string sent_text(const std::string& value, const Column& child, const TargetColumn& here) {
  const bool is_modified = child.type_oid != here.base_oid || child.type_modifier != here.type_modifier;
  if (!is_modified) return value;
  switch (child.type_oid) {
    case kInt2:
    case kInt4:
    case kInt8: return here.base_oid == kNumeric ? with_scale(value, 0) : value;
    case kNumeric:
      return here.base_oid == kNumeric && child.type_modifier >= 0
                 ? with_scale(value, numeric_scale(child.type_modifier))
                 : value;
    case kFloat4: return here.base_oid == kFloat8 ? as_float4(value) : value;
    case kBpchar:
      if (here.base_oid != kBpchar || child.type_modifier < 4) return value;
      return "CASE WHEN " + value + " IS NULL THEN NULL ELSE format('%-" + std::to_string(child.type_modifier - 4) +
             "s', " + value + "::pg_catalog.bpchar::text) END";
    default: return value;
  }
}

}  // namespace tributary
