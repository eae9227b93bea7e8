// One statement of the preparation of a database or of its removal, and why it is needed. `init` and `remove` execute
// steps in their order; `check` names those that are still to be done.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tributary {

// One thing that init changes, and what it was before: a row of tributary.undo (schema/undo.sql).
struct UndoRecord {
  std::string kind;
  std::string object;
  std::string made = {};
  std::string role = {};
  std::optional<std::string> former = {};

  bool operator==(const UndoRecord&) const = default;
};

struct Step {
  std::string statement;  // one or more statements for psql, without the last semicolon
  std::string why;
  bool is_needed = true;                 // false: the node works without it
  std::vector<UndoRecord> records = {};  // kept in the same transaction
  std::vector<std::string> locked = {};  // tables, quoted, whose writers wait while it has its locks
};

// The statement with its records, in one transaction: what is executed, one after the other. What PostgreSQL does not
// let into a transaction (CONCURRENTLY) has its records before it.
std::vector<std::string> scripts_of(const Step& step);

// All of them in one transaction, with the first one's reason and everyone's records. Locks on several tables are taken
// by one statement, so that one timeout bounds them all. `steps` is not empty.
Step in_one_transaction(const std::vector<Step>& steps);

// INSERT INTO tributary.undo. What is recorded already stays: it is what was there before the first change.
std::string record_statement(const std::vector<UndoRecord>& records);

// "a", "b": names quoted for SQL and joined.
std::string name_list(const std::vector<std::string>& names);

// `name` if PostgreSQL keeps it whole (63 bytes), else its beginning and a hash of all of it.
std::string bounded_name(const std::string& name);

}  // namespace tributary
