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
  bool evaluate_filter = false;                  // there is a filter, and only the agent has it evaluated
  std::vector<std::string> filter_columns;       // in the table's order
  std::vector<std::string> filter_column_types;  // as SQL has them, with schema and collation where they need one
  char replica_identity = 'd';                   // of the table, or of a partitioned one's leaves
  std::vector<std::string> identity_columns;     // those that a leaf's old row carries at least; empty with 'f': all
  bool is_partitioned = false;
  std::vector<uint32_t> leaves;  // of a partitioned table
  uint32_t membership_oid = 0;   // of the publication; another one when the table was out of it, or published otherwise
  std::string publication_version;  // another one when the publication's options were changed meanwhile

  // Why nothing of it can be sent: somebody changed the table, or how it is published. Empty: nothing is wrong. The
  // rest is not known then, but for its name.
  struct Trouble {
    std::string message;
    std::string hint;
  };
  Trouble trouble;

  // What travels: the columns with `send`.
  Relation sent_relation() const;
};

// What was in progress at one moment: every transaction older than xmin had ended and was visible.
struct TransactionsInProgress {
  uint32_t xmin = 0;
  bool none = false;  // none that has an xid
};
Task<TransactionsInProgress> read_transactions_in_progress(Connection& connection);

// The tables in the order of config.tables, each compared with the configuration and with what init recorded: row
// filter, columns, replica identity of every leaf. Throws Error(setup) when the publication itself is missing or does
// not hold every operation.
Task<std::vector<SourceTable>> read_replication_set(Connection& connection, const Config& config);

// The same where all of it must be right: throws Error(setup) for the first table with a trouble, and when the
// publication holds other tables too.
Task<std::vector<SourceTable>> read_source_tables(Connection& connection, const Config& config);
void require_fit(const SourceTable& table);

// Whether a stream of this node was ever begun in this database.
Task<bool> has_stream_begun(Connection& connection, std::string node);

// How many rows of a configured table meet its filter. Scans the table.
Task<int64_t> count_matching_rows(Connection& connection, const TableConfig& table);

// Counts, for every configured table, the rows that are there now, which a stream does not bring to the parent without
// a refresh, and keeps the numbers in tributary.published; not of a table that the role may not read. Called once a
// stream has begun.
Task<> record_rows_not_copied(Connection& connection, const Config& config);

// A refresh has brought them all.
Task<> record_copied(Connection& connection, std::string schema, std::string table);

// The numbers kept, in the order of config.tables; -1: not counted yet.
Task<std::vector<int64_t>> read_rows_not_copied(Connection& connection, const Config& config);

}  // namespace tributary
