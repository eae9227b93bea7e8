#include "source/removal.h"

#include <algorithm>

#include "source/completion.h"

namespace tributary {
namespace {

std::string with_commas(const std::vector<std::string>& items) {
  std::string list;
  for (const std::string& item : items) list += (list.empty() ? "" : ", ") + item;
  return list;
}

bool is_recorded(const RemovalFacts& facts, const std::string& kind, const std::string& object) {
  return std::any_of(facts.records.begin(), facts.records.end(),
                     [&](const UndoRecord& r) { return r.kind == kind && r.object == object; });
}

// What a table's identity was before init's first change of it; the records are in that order.
std::optional<std::string> identity_before(const RemovalFacts& facts, const std::string& table) {
  for (const UndoRecord& record : facts.records)
    if (record.kind == "replica identity" && record.object == table) return record.former.value_or("DEFAULT");
  return std::nullopt;
}

bool is_identity_of_init(const RemovalFacts& facts, const IdentityFacts& identity) {
  return identity.is_by_index_of_ours || std::any_of(facts.records.begin(), facts.records.end(), [&](const auto& r) {
           return r.kind == "replica identity" && r.object == identity.table && r.made == identity.now;
         });
}

void add_identity(const RemovalFacts& facts, const IdentityFacts& identity, Preparation& removal) {
  std::string before = identity_before(facts, identity.table).value_or("DEFAULT");
  if (identity.now == before) return;
  if (!is_identity_of_init(facts, identity)) {
    removal.notes.push_back("The replica identity of " + identity.table + " was changed after init, to " +
                            identity.now + ": it is left so. Before init it was " + before + ".");
    return;
  }
  const auto is_former = [&](const std::string& index) { return before == "USING INDEX " + quote_name(index); };
  if (before.starts_with("USING INDEX") && std::none_of(identity.indexes.begin(), identity.indexes.end(), is_former)) {
    removal.notes.push_back("The replica identity of " + identity.table + " was " + before +
                            ", which is no longer there: it becomes DEFAULT.");
    before = "DEFAULT";
  }
  removal.steps.push_back({"ALTER TABLE " + identity.table + " REPLICA IDENTITY " + before,
                           "the replica identity that it had before init",
                           true,
                           {},
                           {identity.table}});
}

// Rights of one role on one object are one statement. Those in schema tributary go with it.
void add_revocations(const RemovalFacts& facts, const std::string& role, bool keeps_parameters, Preparation& removal) {
  std::vector<Step> steps;
  std::string object;
  for (const UndoRecord& right : facts.rights) {
    const bool goes_with_schema =
        right.object == R"(SCHEMA "tributary")" || right.object.starts_with(R"(TABLE "tributary".)");
    if (right.role != role || goes_with_schema) continue;
    if (keeps_parameters && right.object.starts_with("PARAMETER")) {
      removal.notes.push_back("The role " + role + " keeps " + right.made + " ON " + right.object +
                              ", which holds for all databases of the cluster.");
      continue;
    }
    const std::string end = " ON " + right.object + " FROM " + role;
    if (right.object == object) {
      std::string& statement = steps.back().statement;
      statement.insert(statement.size() - end.size(), ", " + right.made);
    } else {
      steps.push_back({"REVOKE " + right.made + end, "a right that init gave to the role"});
      object = right.object;
    }
  }
  std::move(steps.begin(), steps.end(), std::back_inserter(removal.steps));
}

void add_alterations_back(const RemovalFacts& facts, const std::string& role, bool keeps_attributes,
                          Preparation& removal) {
  for (const UndoRecord& record : facts.records) {
    if (record.object != role) continue;
    if (record.kind == "role setting") {
      const std::string what = "ALTER ROLE " + role + " IN DATABASE " + quote_name(facts.database);
      removal.steps.push_back({record.former ? what + " SET " + record.made + " = " + quote_literal(*record.former)
                                             : what + " RESET " + record.made,
                               "the role's setting before init"});
    } else if (record.kind == "role attribute" && keeps_attributes) {
      removal.notes.push_back("The role " + role + " keeps the attribute " + record.made +
                              ", which holds for all databases of the cluster.");
    } else if (record.kind == "role attribute") {
      removal.steps.push_back({"ALTER ROLE " + role + " " + record.former.value_or("NO" + record.made),
                               "the role's attribute before init"});
    }
  }
}

// Returns the statements that drop the role, for the transaction that drops the record of its making.
std::string take_back_role(const RemovalFacts& facts, const std::string& role, const RoleFacts& role_facts,
                           Preparation& removal) {
  if (!role_facts.exists) return {};
  const bool was_made = is_recorded(facts, "role", role);
  const bool is_used_elsewhere = !role_facts.elsewhere.empty();
  if (was_made && !role_facts.owns_objects && !is_used_elsewhere)
    return ";\nDROP OWNED BY " + role + ";\nDROP ROLE " + role;
  add_revocations(facts, role, is_used_elsewhere, removal);
  add_alterations_back(facts, role, is_used_elsewhere, removal);
  if (!was_made) return {};
  const std::string why = role_facts.owns_objects
                              ? "it owns objects of this database: REASSIGN OWNED BY " + role + " TO ..."
                              : "it has rights in " + with_commas(role_facts.elsewhere);
  removal.notes.push_back("The role " + role + " was made by init, but is left: " + why + ". Then: DROP ROLE " + role);
  return {};
}

}  // namespace

Preparation removal_of(const RemovalFacts& facts, const Config& config) {
  Preparation removal;
  std::vector<Step>& steps = removal.steps;
  for (const std::string& slot : facts.slots)
    steps.push_back({"SELECT pg_catalog.pg_drop_replication_slot(" + quote_literal(slot) + ")",
                     "PostgreSQL keeps its write-ahead log for the slot until the disk is full"});
  if (facts.has_publication)
    steps.push_back({"DROP PUBLICATION " + quote_name(config.publication()),
                     "without it, UPDATE and DELETE need no replica identity any more"});
  if (facts.has_event_trigger)
    steps.push_back({"DROP EVENT TRIGGER tributary_prepare_partitions", "new partitions need no replica identity"});
  for (const std::string& table : facts.triggered_tables)
    steps.push_back({"DROP TRIGGER " + std::string(kCompletionTrigger) + " ON " + table,
                     "large values need not be written to the log again",
                     true,
                     {},
                     {table}});
  for (const IdentityFacts& identity : facts.identities) add_identity(facts, identity, removal);
  for (const IndexToDrop& index : facts.indexes)
    steps.push_back({(index.is_partitioned ? "DROP INDEX " : "DROP INDEX CONCURRENTLY ") + index.index,
                     "it was made for the replica identity",
                     true,
                     {},
                     index.is_partitioned ? index.tables : std::vector<std::string>{}});

  std::string dropped_roles;
  for (const auto& [name, role] : facts.roles) dropped_roles += take_back_role(facts, name, role, removal);
  if (facts.has_schema) {
    // Without CASCADE: what someone built on these tables is not ours to drop.
    std::string statement = "BEGIN";
    if (!facts.schema_tables.empty()) statement += ";\nDROP TABLE " + with_commas(facts.schema_tables);
    if (!facts.schema_functions.empty()) statement += ";\nDROP FUNCTION " + with_commas(facts.schema_functions);
    statement += ";\nDROP SCHEMA tributary" + dropped_roles + ";\nCOMMIT";
    steps.push_back({statement, dropped_roles.empty()
                                    ? "what the agent kept here, and the record of what init did"
                                    : "what the agent kept here, the record of what init did, and the "
                                      "role that init made"});
  }
  return removal;
}

}  // namespace tributary
