// The replication set as PostgreSQL publishes it: what capture needs to know of each table, read from the catalogue and
// from what init recorded. Works as the agent's unprivileged role.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "change/relation.h"
#include "config/config.h"
#include "postgres/connection.h"

namespace tributary {

struct SourceTable {
  uint32_t oid = 0;              // of the root, for a partitioned table: pgoutput names that one
  Relation relation;             // the columns that pgoutput sends, in wire order
  std::vector<bool> send;        // per wire column; false: only the filter or the identity needs it, it stays here
  bool send_new_columns = true;  // false: the configuration lists the columns; one added later stays here
  std::string row_filter;        // as configured; empty: every row
  bool filter_in_publication = false;
  bool evaluate_filter = false;                  // there is a filter, and the agent has it evaluated
  std::vector<std::string> filter_columns;       // in the table's order
  std::vector<std::string> filter_column_types;  // as SQL has them, with their schema where they need one
  char replica_identity = 'd';                   // of the table, or of a partitioned one's leaves
  std::vector<std::string> identity_columns;     // those that a leaf's old row carries at least; empty with 'f': all
  bool is_partitioned = false;
  uint32_t membership_oid = 0;  // of the publication; another one when the table was out of it meanwhile

  // What travels: the columns with `send`.
  Relation sent_relation() const;
};

// What was in progress at one moment: every transaction older than xmin had ended and was visible.
struct TransactionsInProgress {
  uint32_t xmin = 0;
  bool none = false;  // none that has an xid
};
Task<TransactionsInProgress> read_transactions_in_progress(Connection& connection);

// Throws Error(setup), with the table's name and what to do, when a table is missing or cannot be published, when the
// publication is missing, or when table and publication are not prepared as the configuration now has them.
Task<std::vector<SourceTable>> read_source_tables(Connection& connection, const Config& config);

// Whether a stream of this node was ever begun in this database.
Task<bool> has_stream_begun(Connection& connection, std::string node);

// How many rows of a configured table meet its filter. Scans the table.
Task<int64_t> count_matching_rows(Connection& connection, const TableConfig& table);

// Counts, for every configured table, the rows that are there now, which a stream does not bring to the parent without
// a refresh, and keeps the numbers in tributary.published. Called once a stream has begun.
Task<> record_rows_not_copied(Connection& connection, const Config& config);

// A refresh has brought them all.
Task<> record_copied(Connection& connection, std::string schema, std::string table);

// The numbers kept, in the order of config.tables; -1: not counted yet.
Task<std::vector<int64_t>> read_rows_not_copied(Connection& connection, const Config& config);

}  // namespace tributary
