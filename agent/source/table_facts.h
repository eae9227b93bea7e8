// What PostgreSQL's catalogue says of one table of the replication set, and of the publication: plain values, which
// preparation and checks decide on. Reads the catalogue only, never rows; works as the unprivileged role too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/dotted_name.h"
#include "postgres/connection.h"

namespace tributary {

struct ColumnFacts {
  std::string name;
  uint32_t type_oid = 0;
  std::string user_type;  // "schema.type" for types of users, else empty
  std::string sql_type;   // as DDL has it, with its modifier
  std::string collation;  // as DDL has it, where it is not the type's own
  int32_t type_modifier = -1;
  bool is_not_null = false;
  bool is_generated = false;  // stored generated: never sent by pgoutput
  // At most so many bytes in an index; nullopt: not sortable, or nothing bounds them (source/column_bounds.h).
  std::optional<int64_t> index_bytes_max;
  bool is_text = false;  // text or varchar themselves
  bool is_bytea = false;
  bool is_toastable = false;  // its value may lie outside the row, and then is missing in the log unless it changed
  bool is_collation_deterministic = true;  // false: texts that differ may be equal
  int key_position = 0;                    // in the primary key, from 1; 0: not in it
};

struct IndexFacts {
  bool is_valid = false;
  bool is_attached = false;  // to the index of the partitioned table above
  std::string root_index;    // of an attached one: its name at the partitioned root
};

// A table, or one member of a partitioned table's tree (its root included).
struct TreeMember {
  uint32_t oid = 0;
  std::string schema;
  std::string name;
  bool is_leaf = true;
  bool is_unlogged = false;
  std::string parent_schema;  // of the partitioned table above; empty at the root
  std::string parent_name;
  char replica_identity = 'd';
  std::string identity_index;                 // set with 'i'
  std::vector<std::string> identity_columns;  // with 'd' (the primary key) and 'i'
  std::map<std::string, IndexFacts> indexes;
};

struct CompletionFacts {
  std::string definition_mark;  // the trigger's comment: which definition it was made from
  char enabled = 'O';
  std::string function_body;
  std::string later_trigger;  // a BEFORE UPDATE row trigger that fires after it; empty: none
  bool exists = false;
};

struct TableFacts {
  uint32_t oid = 0;
  std::string schema;
  std::string name;
  bool is_partitioned = false;
  bool is_unlogged = false;
  bool has_row_security = false;
  bool key_is_immediate = true;      // false: the primary key is DEFERRABLE
  std::vector<ColumnFacts> columns;  // in the table's order
  std::vector<TreeMember> tree;      // a plain table: itself; a partitioned one: root first, then by level
  std::optional<int64_t> row_bytes;  // of a row on average, large values included, by the last ANALYZE
  CompletionFacts completion;

  std::string full_name() const { return dotted_name(schema, name); }
  const ColumnFacts* column(const std::string& column_name) const;
  std::vector<std::string> key_columns() const;  // in the key's order
};

// How init prepared a table, as tributary.published has it.
struct PublishedRecord {
  std::string row_filter;
  std::optional<std::string> publication_filter;
  std::vector<std::string> filter_columns;
  std::vector<std::string> columns;
  std::string identity;
  std::string identity_index;
  std::string former_identity;
  std::optional<int64_t> rows_not_copied;
};

struct PublicationMember {
  std::string schema;
  std::string name;
  std::optional<std::string> filter;  // as PostgreSQL prints it
  std::vector<std::string> columns;   // empty: all
  uint32_t oid = 0;                   // of the membership: another one when the table was out meanwhile
};

struct PublicationFacts {
  bool exists = false;
  bool is_for_all_tables = false;
  bool holds_schemas = false;      // whole ones
  bool has_right_options = false;  // every operation, through the root of partitioned tables
  std::string version;             // another one after every change of its options
  std::map<uint32_t, PublicationMember> members;  // by table oid
};

// nullopt: there is no such table (or it is a view, a foreign table, ...).
Task<std::optional<TableFacts>> read_table_facts(Connection& connection, std::string schema, std::string name,
                                                 std::string completion_function);
Task<PublicationFacts> read_publication_facts(Connection& connection, std::string publication);
// By "schema.table". Empty when the database was never prepared.
Task<std::map<std::string, PublishedRecord>> read_published_records(Connection& connection);

// Names in one text value of a query, put together by PostgreSQL's string_agg with kNameSeparator.
inline constexpr char kNameSeparator = '\x1f';
std::vector<std::string> split_names(std::string_view text);

}  // namespace tributary
