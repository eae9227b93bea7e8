// The SQL that writes a group's net changes: set-wise, one statement per table and kind (exact-rules.md 4), and what
// each statement must answer for the group to be right.
//
// Pure. Every column is one parameter, a text[] in binary form, and the statement casts its elements to the parent's
// types: the values stay as PostgreSQL wrote them, and no type needs an encoder here (pgfacts B6).
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apply/net_changes.h"
#include "apply/target.h"
#include "postgres/connection.h"

namespace tributary {

// What a statement's result must be.
enum class Expect {
  anything,
  exactly,  // this many rows affected
  at_most,  // this many rows affected or fewer
  counts,   // one row: the count is this many
  removes,  // one row: a count of at most this many; see add_limited_removes
};

// Statements for one pipeline, with the buffers of their parameters.
class StatementList {
 public:
  struct Param {
    bool is_binary = false;
    std::string bytes;
  };

  void add(std::string sql, Expect expect, uint64_t rows = 0, std::vector<Param> params = {}, bool is_prepared = true);

  const std::vector<Statement>& statements() const { return statements_; }
  size_t size() const { return statements_.size(); }

  // The place of the first statement, of those from `begin` on, that failed or did not answer as expected; nullopt: all
  // is well.
  std::optional<size_t> first_unexpected(const PipelineResult& result, size_t begin = 0) const;

  // The statement that was added last answers with a second count: of rows of the table that it left alone.
  void counts_left_alone(const std::string& table) { left_alone_.emplace_back(statements_.size() - 1, table); }
  // By table; only of tables that have some.
  std::map<std::string, uint64_t> left_alone(const PipelineResult& result) const;

 private:
  struct Expectation {
    Expect expect;
    uint64_t rows;
  };
  std::deque<std::string> buffers_;  // a deque, because parameters point into its strings
  std::vector<Statement> statements_;
  std::vector<Expectation> expectations_;
  std::vector<std::pair<size_t, std::string>> left_alone_;
};

class RowSource;

// Each takes the rows of one table and does nothing when there are none.
void add_clear(StatementList& out, const Shape& shape);
// A row that is there and is not the child's stays, and is counted.
void add_removes(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows);
void add_patches(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows);
void add_puts(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows);

// Of the rows t of the table and s of the source that meet the condition, at most `rows`: deletes those that are the
// child's by `owns`. Answers with how many these are, and how many others there are.
void add_limited_removes(StatementList& out, const Shape& shape, RowSource& source, const std::string& condition,
                         uint64_t rows);

// Inserts whole rows without looking for ones that are there already: "COPY table (columns) FROM STDIN". It takes the
// rows that `owns` lets in; the count of its answer tells. An `owns` with a sub-select is refused by PostgreSQL.
std::string copy_command(const Shape& shape);

// Counts the rows that have one of these keys, whoever owns them.
void add_count(StatementList& out, const Shape& shape, const std::vector<RowValues>& rows);

// PostgreSQL's binary form of a text[] of one column of the rows: https://www.postgresql.org/docs/15/arrays.html,
// src/backend/utils/adt/arrayfuncs.c, array_recv.
std::string text_array(const std::vector<RowValues>& rows, size_t column);
// Of a bool[] that tells where the column is unchanged.
std::string unchanged_array(const std::vector<RowValues>& rows, size_t column);

}  // namespace tributary
