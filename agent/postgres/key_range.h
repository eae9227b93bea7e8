// The order of a table's keys as SQL, so that a range of keys means the same rows at a child and at its parent.
//
// It follows from the child's column types alone. Numbers, uuids, times and the like have one order everywhere. Text
// has as many as there are collations, so it is compared COLLATE "C", as UTF-8 (char(n) without its padding); values of
// any other type (enums, whose labels may be in another order; types of users) are compared by the bytes of their text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tributary {

struct KeyPart {
  std::string value;  // the column as an expression; qualified, lest an output column's name is meant
  uint32_t child_type_oid = 0;
  std::string type;  // the column's type here, as SQL names it
};

struct KeyOrder {
  std::vector<KeyPart> parts;
  bool is_utf8 = true;  // server_encoding here

  // For ORDER BY.
  std::string order() const;
  // Conditions on a key against a bound, whose parts are SQL expressions of type text ("$1").
  std::string is_after(const std::vector<std::string>& bound) const;
  std::string is_up_to(const std::vector<std::string>& bound) const;

 private:
  std::string compared(const char* comparison, const std::vector<std::string>& bound) const;
};

}  // namespace tributary
