// What the parent's catalogue says of a table, and whether a child's shape of it can be written there.
//
// read_target asks the database; fit decides, purely. Names that come from a child are only looked up in the parent's
// catalogue; the casts of the statements come from the parent's types. Types are named without their modifier: an
// explicit cast to varchar(5) would cut silently, the assignment to the column complains.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "change/relation.h"
#include "postgres/connection.h"

namespace tributary {

struct TargetColumn {
  std::string name;
  std::string type_schema;
  std::string type_name;
  uint32_t type_oid = 0;
  std::string base_schema;  // of a domain: what it is made of in the end; otherwise the type itself
  std::string base_name;
  uint32_t base_oid = 0;
  int32_t type_modifier = -1;
  bool is_not_null = false;
  bool has_default = false;  // identity and generated columns too
  bool is_generated = false;
  bool is_identity_always = false;
  bool is_collation_deterministic = true;  // false: texts that differ may be equal
};

// A unique index that ON CONFLICT may use: immediate, valid, not partial, over plain columns.
struct TargetKey {
  struct Part {
    std::string column;
    std::string equals;  // the index's equality operator, as it is written between two operands
  };
  std::vector<Part> parts;
};

struct Target {
  bool exists = false;
  bool is_table = false;  // ordinary or partitioned
  bool is_partitioned = false;
  std::string unlogged;  // the table, or one of its partitions, whose rows a crash empties; quoted; empty: none
  std::vector<TargetColumn> columns;
  std::vector<TargetKey> keys;
  bool is_utf8 = true;                   // the database's encoding
  std::vector<std::string> child_types;  // of the child's columns, as DDL writes them here
};

Task<Target> read_target(Connection& connection, const Relation& relation);

// A table of a child as its statements need it; names and types are quoted.
struct Shape {
  struct Column {
    std::string name;
    std::string type;
    std::string equals;  // of key columns
    bool is_key = false;
    uint32_t child_type_oid = 0;
    std::string as_sent = {};  // of a row t: its value with the text that the child writes
  };
  struct UniquePart {
    size_t column = 0;
    std::string equals;
  };
  std::string table;
  bool is_utf8 = true;          // the database's encoding
  bool is_partitioned = false;  // its rows are in its partitions; otherwise other tables' rows are not its own
  std::string title;            // "schema.table", for people
  std::vector<Column> columns;  // in wire order
  std::vector<size_t> key;      // places in `columns`
  std::string key_columns;      // the key's names and types at the child: what its keys are made of
  std::vector<std::vector<UniquePart>> other_unique_keys;  // plain ones, over columns that the child sends
  bool overrides_identity = false;
  bool has_unsent_columns = false;  // values that only the parent has: a row must not be deleted to be inserted anew
  std::string owns;                 // the condition that every row written must meet; empty: none
  bool may_clear = false;           // a clear without `owns` may empty the table
};

// Why a table cannot be written, and what mends it.
struct Mismatch {
  std::string reason;
  std::string hint;
  bool is_of_rights = false;  // the child may not write it, or what it may is not known: its stream is held
};

std::variant<Shape, Mismatch> fit(const Relation& relation, const Target& target);

// Whether a child may write this table at all: one of the patterns means it (config/table_pattern.h), and it is no
// table of the system or of tributary itself.
bool is_allowed(const Relation& relation, const std::vector<std::string>& patterns);

}  // namespace tributary
