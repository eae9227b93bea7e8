// Takes out of a database what `init` put there: from what tributary.undo recorded, and what the catalogue still has,
// to a list of statements. What someone changed since is left, and said.
//
//   slot, publication, event trigger, completion triggers, replica identities, indexes, rights, schema, role
//
// In this order no UPDATE of the application fails in between, and a removal that was broken off goes on when it is run
// again: the record goes last. Needs neither the parent nor the agent.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "postgres/connection.h"
#include "source/preparation.h"
#include "source/step.h"

namespace tributary {

// --- what there is ---

struct IdentityFacts {
  std::string table;  // quoted
  std::string now;    // as ALTER TABLE ... REPLICA IDENTITY has it
  bool is_by_index_of_ours = false;
  std::vector<std::string> indexes = {};  // the names that USING INDEX may have
};

struct IndexToDrop {
  std::string index;                     // quoted
  std::vector<std::string> tables = {};  // quoted; more than one: of a partitioned table
  bool is_partitioned = false;
};

struct RoleFacts {
  bool exists = false;
  bool owns_objects = false;                // in this database
  std::vector<std::string> elsewhere = {};  // other databases where it has rights or objects
};

struct RemovalFacts {
  std::string database;
  std::vector<UndoRecord> records;
  std::vector<std::string> slots;  // of this database's node
  bool has_publication = false;
  bool has_event_trigger = false;
  std::vector<std::string> triggered_tables;  // quoted, with the completion trigger
  std::vector<IdentityFacts> identities;
  std::vector<IndexToDrop> indexes;
  std::vector<UndoRecord> rights;                            // those of the recorded grants whose object is still there
  std::map<std::string, RoleFacts> roles;                    // by quoted name: those recorded, or with recorded rights
  std::vector<std::string> schema_tables, schema_functions;  // of schema tributary, quoted
  bool has_schema = false;
};

// Sessions of the running agent with this database, for people: "pid 4711 from 10.0.0.7"; empty: there are none.
Task<std::string> sessions_of_agent(Connection& connection, std::string node);

Task<RemovalFacts> read_removal_facts(Connection& connection, const Config& config);

// --- what is to be done; pure ---

Preparation removal_of(const RemovalFacts& facts, const Config& config);

// --- one child of a parent ---

// Forgets the child's positions, walks, stale and extra rows; with `deletes_rows`, deletes the rows that it owns as
// well. Throws Error(setup) where nobody knows which rows those are.
Task<Preparation> prepare_child_removal(Connection& connection, const Config& config, std::string child,
                                        bool deletes_rows);

}  // namespace tributary
