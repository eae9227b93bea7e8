// Prepares a database for its node: from what the catalogue says and the configuration to a list of statements. `init`
// executes them as an administrator; `check` names those that are missing, as the agent's own role.
//
//   source side (the node has a parent):   schema, role, indexes, identities, completion triggers, publication last
//   parent side (the node takes children): schema, role
//
// Idempotent: what is right already is no step. Never makes a slot: nobody would read it yet, and it would fill the
// disk.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "postgres/connection.h"
#include "source/step.h"
#include "source/table_plan.h"

namespace tributary {

// Who reads the facts. Only an administrator can find out whether a publication accepts a filter; the agent's role
// takes what init recorded.
enum class Viewer { administrator, agent };

struct Preparation {
  std::vector<Step> steps;
  std::vector<std::string> notes;  // for people: what no statement can do
};

// Rights of the agent's role on one object, each with an SQL condition that is true when the role has it already.
struct Right {
  std::string name;         // SELECT, USAGE, ...
  std::string column = {};  // the right is on this column alone
  std::string is_given;
};
struct Grant {
  std::string object;  // as GRANT ... ON has it: SCHEMA "public"
  std::vector<Right> rights;
  std::string why;
  bool is_needed = true;  // false: the node works without it

  // Gives all of the rights and records each: a right that the role had already is none of init's.
  Step step_for(const std::string& role) const;
};

// The role in [database] connection, or in apply_connection for the parent side. Throws Error(config) without one.
std::string source_role(const Config& config);
std::string parent_role(const Config& config);

// Throws Error(setup) for what no statement of ours can mend: missing tables, no primary key, an unfit filter.
Task<Preparation> prepare_source(Connection& connection, const Config& config, Viewer viewer);
Task<Preparation> prepare_parent(Connection& connection, const Config& config);

// One table of the replication set with everything that was found out and decided about it.
struct PreparedTable {
  TableConfig config;
  TableFacts facts;
  TablePlan plan;
  std::vector<UserFunction> filter_functions;
};
Task<PreparedTable> plan_source_table(Connection& connection, const TableConfig& config, const PublishedRecord* record,
                                      Viewer viewer);

// Makes the record of what init changes, where it is missing: before everything else.
Task<std::vector<Step>> undo_steps(Connection& connection);

// --- pure parts ---

// The statement that makes the publication what the tables' plans say; nothing when it is that already.
std::vector<Step> publication_steps(const std::string& publication, const PublicationFacts& facts,
                                    const std::vector<PreparedTable>& tables);
std::vector<Grant> source_grants(const std::string& role, const std::string& database,
                                 const std::vector<PreparedTable>& tables);

struct ParentTable {
  std::string schema;
  std::string name;
  std::vector<std::string> schemas_used =
      {};  // of its columns' types and its keys' operators, PostgreSQL's own left out
  std::vector<std::string> sequences_used = {};  // by its columns' defaults, quoted
  bool has_row_security = false;
  std::string full_name() const { return dotted_name(schema, name); }
};
std::vector<Grant> parent_grants(const std::string& role, const std::vector<ParentTable>& tables);

// The tables that children may write: those that match a pattern of [intake] tables, never a system schema's or ours.
Task<std::vector<ParentTable>> find_parent_tables(Connection& connection, const IntakeConfig& intake);

// The role itself: made when it is missing, with REPLICATION where it captures, quiet in the server's log.
Task<std::vector<Step>> role_steps(Connection& connection, const std::string& role, bool captures,
                                   bool must_see_all_rows, std::vector<std::string>& notes);
// The grants that are not given yet; all of them when the role does not exist.
Task<std::vector<Step>> missing_grants(Connection& connection, const std::string& role, std::vector<Grant> grants);

}  // namespace tributary
