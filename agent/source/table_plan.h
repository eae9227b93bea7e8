// Decides, for one table, what its replica identity must be, what the publication says of it, and which steps lead
// there from what the catalogue says. Pure: facts in, decisions out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "source/completion.h"
#include "source/row_filter.h"
#include "source/step.h"
#include "source/table_facts.h"

namespace tributary {

enum class Identity {
  kept,         // fit as it is, and not our doing
  primary_key,  // REPLICA IDENTITY DEFAULT
  index,        // a unique index of ours over the key and the filter's columns
  full,
};

struct TablePlan {
  Identity identity = Identity::primary_key;
  std::vector<std::string> identity_columns;  // what it must hold: the key and the filter's columns
  std::string identity_index;                 // with Identity::index: at the table itself (or the root)
  std::vector<std::string> filter_columns;
  std::optional<std::string> publication_filter;  // nullopt: none, or the agent has it evaluated
  std::vector<std::string> published_columns;     // in the table's order; empty: all
  std::optional<Completion> completion;
  bool replaces_full = false;  // the FULL identity that is there is init's own, and no longer needed
};

// Throws Error(setup) for what nobody can publish: no primary key, a DEFERRABLE one, one with a generated column or a
// nondeterministic collation, a column of the configuration that is not there or is generated, a column list without
// the key, an unlogged table or partition.
void require_publishable(const TableConfig& config, const TableFacts& table);

// `filter`: nullptr where the configuration has none. `record`: how init prepared the table before, if it did; a FULL
// identity that it made gives way where an index would do now.
TablePlan plan_table(const TableConfig& config, const TableFacts& table, const RowFilter* filter,
                     const std::optional<std::string>& publication_filter, const PublishedRecord* record = nullptr);

// Why the key and the filter's columns cannot be in an index of their own, and what would mend it. Empty: they can.
struct IndexObstacle {
  std::string reason;
  std::string mend;  // SQL; empty: nothing does
};
std::vector<IndexObstacle> index_obstacles(const TableFacts& table, const TablePlan& plan);

// Whether updates of this table or partition carry all of `columns` of the old row.
bool identity_holds(const TreeMember& member, const std::vector<std::string>& columns);

struct TableSteps {
  std::vector<Step> indexes;
  std::vector<Step> identities;
  std::vector<Step> completion;
  std::vector<Step> leftovers;  // of ours, no longer used; to be dropped when the publication is right
};
TableSteps steps_of(const TablePlan& plan, const TableFacts& table, const PublishedRecord* record);

// The row of tributary.published, or nothing when it is there already.
std::vector<Step> record_steps(const TableConfig& config, const TablePlan& plan, const TableFacts& table,
                               const PublishedRecord* record);

}  // namespace tributary
