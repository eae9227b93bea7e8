// The shape of a table as its child sends it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/dotted_name.h"

namespace tributary {

struct Column {
  std::string name;
  uint32_t type_oid = 0;   // at the child; the same everywhere for built-in types (below 16384)
  std::string type_name;   // "schema.type" as pg_type has them, unquoted, for types of users; empty for built-in ones
  int32_t type_modifier = -1;
  bool is_key = false;     // part of the table's primary key at the child
  friend bool operator==(const Column&, const Column&) = default;
};

struct Relation {
  std::string schema;
  std::string name;
  std::vector<Column> columns;  // in wire order: the order of every tuple of this relation

  std::string full_name() const { return dotted_name(schema, name); }
  // A 64-bit hash of everything above; equal shapes have equal ids in every session and at every node.
  uint64_t shape_id() const;
  // The bytes that are stored in the queue; decode throws Error of kind protocol.
  std::string encode() const;
  static Relation decode(std::string_view bytes);
  friend bool operator==(const Relation&, const Relation&) = default;
};

}  // namespace tributary
