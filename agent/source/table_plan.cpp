#include "source/table_plan.h"

#include <algorithm>

#include "base/hash.h"
#include "source/column_bounds.h"

namespace tributary {
namespace {

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool holds_all(const std::vector<std::string>& names, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& name) { return holds(names, name); });
}

std::string index_name(const std::string& table, const std::vector<std::string>& columns) {
  return bounded_name(table + "_tributary_" + short_hash(name_list(columns)));
}

// The member's part of our index: by our name, or made by PostgreSQL under a name of its own for a later partition.
std::optional<std::string> part_of_index(const TreeMember& member, const TablePlan& plan) {
  const std::string ours = index_name(member.name, plan.identity_columns);
  for (const auto& [name, index] : member.indexes)
    if (name == ours || (index.is_attached && index.root_index == plan.identity_index)) return name;
  return std::nullopt;
}

bool everywhere(const TableFacts& table, auto&& condition) {
  return std::all_of(table.tree.begin(), table.tree.end(), condition);
}

Identity choose_identity(const TableFacts& table, const TablePlan& plan) {
  const bool is_fit = everywhere(table, [&](const TreeMember& m) { return identity_holds(m, plan.identity_columns); });
  if (is_fit && !plan.replaces_full && everywhere(table, [](const TreeMember& m) { return m.replica_identity == 'f'; }))
    return Identity::full;
  if (is_fit && everywhere(table, [](const TreeMember& m) { return m.replica_identity == 'd'; }))
    return Identity::primary_key;
  const bool is_ours = everywhere(table, [&](const TreeMember& m) {
    return m.replica_identity == 'i' && part_of_index(m, plan) == m.identity_index;
  });
  if (is_fit && !is_ours && !plan.replaces_full && !table.is_partitioned) return Identity::kept;
  if (holds_all(table.key_columns(), plan.identity_columns)) return Identity::primary_key;
  return index_obstacles(table, plan).empty() ? Identity::index : Identity::full;
}

std::string identity_word(Identity identity) {
  switch (identity) {
    case Identity::kept: return "kept";
    case Identity::primary_key: return "primary key";
    case Identity::index: return "index";
    case Identity::full: return "full";
  }
  return {};
}

std::string former_identity(const TreeMember& member) {
  switch (member.replica_identity) {
    case 'f': return "full";
    case 'n': return "nothing";
    case 'i': return member.identity_index;
    default: return "default";
  }
}

// As ALTER TABLE ... REPLICA IDENTITY has it.
std::string identity_in_words(const TreeMember& member) {
  switch (member.replica_identity) {
    case 'f': return "FULL";
    case 'n': return "NOTHING";
    // The index may be gone, and the table without an identity since.
    case 'i': return member.identity_index.empty() ? "NOTHING" : "USING INDEX " + quote_name(member.identity_index);
    default: return "DEFAULT";
  }
}

std::vector<std::string> writers_of(const TableFacts& table) {
  std::vector<std::string> names;
  for (const TreeMember& member : table.tree) names.push_back(quote_name(member.schema, member.name));
  return names;
}

void add_index_steps(const TablePlan& plan, const TableFacts& table, std::vector<Step>& steps) {
  const std::string columns = name_list(plan.identity_columns);
  const std::string why = "the replica identity of " + table.full_name() + " needs a unique index over " + columns;
  for (const TreeMember& member : table.tree) {
    const auto part = part_of_index(member, plan);
    if (part && member.indexes.at(*part).is_valid) continue;
    const std::string name = index_name(member.name, plan.identity_columns);
    if (part)
      steps.push_back({"DROP INDEX CONCURRENTLY " + quote_name(member.schema, *part),
                       "an attempt to build this index was broken off"});
    const char* how = member.is_leaf ? "CREATE UNIQUE INDEX CONCURRENTLY " : "CREATE UNIQUE INDEX ";
    const std::string table_name = quote_name(member.schema, member.name);
    Step build{how + quote_name(name) + " ON ONLY " + table_name + " (" + columns + ")", why};
    build.records = {{"index", quote_name(member.schema, name)}};
    if (!member.is_leaf) build.locked = {table_name};
    steps.push_back(std::move(build));
  }
  // From the leaves up: an index of a partitioned table becomes valid when all below it are attached.
  for (auto member = table.tree.rbegin(); member != table.tree.rend(); ++member) {
    if (member->parent_name.empty()) continue;
    const auto part = part_of_index(*member, plan);
    if (part && member->indexes.at(*part).is_attached) continue;
    steps.push_back(
        {"ALTER INDEX " + quote_name(member->parent_schema, index_name(member->parent_name, plan.identity_columns)) +
             " ATTACH PARTITION " + quote_name(member->schema, index_name(member->name, plan.identity_columns)),
         "partitions made later get the index by themselves",
         true,
         {},
         {quote_name(member->schema, member->name)}});
  }
}

void add_identity_steps(const TablePlan& plan, const TableFacts& table, std::vector<Step>& steps) {
  for (const TreeMember& member : table.tree) {
    const bool is_full = member.replica_identity == 'f';
    const bool is_right = identity_holds(member, plan.identity_columns) &&
                          (plan.identity != Identity::full || is_full) && !(is_full && plan.replaces_full);
    if (is_right) continue;
    std::string identity = "DEFAULT";
    if (plan.identity == Identity::full) {
      identity = "FULL";
    } else if (plan.identity == Identity::index) {
      const auto part = part_of_index(member, plan);
      identity = "USING INDEX " + quote_name(part ? *part : index_name(member.name, plan.identity_columns));
    }
    const std::string name = quote_name(member.schema, member.name);
    const std::string why =
        is_full && plan.replaces_full
            ? "the old row is no longer needed in the write-ahead log: the key and the filter's columns are enough"
            : "the replica identity of " + dotted_name(member.schema, member.name) + " must hold " +
                  name_list(plan.identity_columns) +
                  ", or the application's own UPDATE and DELETE fail once it is published";
    steps.push_back({"ALTER TABLE " + name + " REPLICA IDENTITY " + identity,
                     why,
                     true,
                     {{"replica identity", name, identity, "", identity_in_words(member)}},
                     {name}});
  }
}

std::string text_array(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + quote_literal(name);
  return "ARRAY[" + list + "]::text[]";
}

}  // namespace

void require_publishable(const TableConfig& config, const TableFacts& table) {
  const std::string what = "table " + table.full_name();
  const std::vector<std::string> key = table.key_columns();
  if (table.is_unlogged)
    throw Error(ErrorKind::setup, what + " is not in the write-ahead log",
                table.is_partitioned ? "make it anew without UNLOGGED, and attach its partitions to that"
                                     : "ALTER TABLE " + quote_name(table.schema, table.name) + " SET LOGGED");
  // PostgreSQL publishes the root without a word, and the rows of such a partition never come.
  for (const TreeMember& member : table.tree)
    if (member.is_leaf && member.is_unlogged)
      throw Error(
          ErrorKind::setup,
          "partition " + dotted_name(member.schema, member.name) + " of " + what + " is not in the write-ahead log",
          "ALTER TABLE " + quote_name(member.schema, member.name) + " SET LOGGED");
  if (key.empty())
    throw Error(ErrorKind::setup, what + " has no primary key",
                "ALTER TABLE " + quote_name(table.schema, table.name) + " ADD PRIMARY KEY (...)");
  // Within a transaction two rows may have one key then, and the log does not tell them apart.
  if (!table.key_is_immediate)
    throw Error(ErrorKind::setup, "the primary key of " + what + " is DEFERRABLE",
                "ALTER TABLE " + quote_name(table.schema, table.name) + " DROP CONSTRAINT ..., ADD PRIMARY KEY (" +
                    name_list(key) + ")");
  for (const std::string& name : key)
    if (table.column(name)->is_generated)
      throw Error(ErrorKind::setup,
                  "column " + name + " of the primary key of " + table.full_name() + " is generated and cannot be sent",
                  "use a key of ordinary columns");
  for (const std::string& name : key)
    if (!table.column(name)->is_collation_deterministic)
      throw Error(ErrorKind::setup,
                  "column " + name + " of the primary key of " + table.full_name() +
                      " has a nondeterministic collation: keys that differ may be equal",
                  "ALTER TABLE " + quote_name(table.schema, table.name) + " ALTER COLUMN " + quote_name(name) +
                      " TYPE " + table.column(name)->sql_type + " COLLATE \"C\"");
  for (const std::string& name : config.columns) {
    const ColumnFacts* column = table.column(name);
    if (!column)
      throw Error(ErrorKind::setup, what + " has no column " + name,
                  "correct `columns` of this table in the configuration");
    if (column->is_generated)
      throw Error(ErrorKind::setup, "column " + name + " of " + table.full_name() + " is generated and cannot be sent",
                  "leave it out of `columns`: the parent's table generates its own");
  }
  if (!config.columns.empty() && !holds_all(config.columns, key))
    throw Error(ErrorKind::setup, "`columns` of " + what + " leave out a column of the primary key",
                "add " + name_list(key) + " to `columns`");
}

std::vector<IndexObstacle> index_obstacles(const TableFacts& table, const TablePlan& plan) {
  std::vector<IndexObstacle> obstacles;
  const std::string alter = "ALTER TABLE " + quote_name(table.schema, table.name) + " ";
  int64_t row_bytes = 8;  // the header
  for (const std::string& name : plan.identity_columns) {
    const ColumnFacts& column = *table.column(name);
    if (!column.is_not_null)
      obstacles.push_back({name + " may be NULL", alter + "ALTER COLUMN " + quote_name(name) + " SET NOT NULL"});
    if (column.index_bytes_max) {
      row_bytes = index_row_bytes(row_bytes, *column.index_bytes_max);
      continue;
    }
    // An example: the longest value that the application has is known there only.
    if (column.is_text)
      obstacles.push_back(
          {name + " may be too long for an index", alter + "ADD CHECK (length(" + quote_name(name) + ") <= 64)"});
    else
      obstacles.push_back({name + " is of a type that has no bounded place in an index (" + column.sql_type + ")", ""});
  }
  if (obstacles.empty() && row_bytes > kIndexRowBytesMax)
    obstacles.push_back({name_list(plan.identity_columns) + " together may be too long for an index (" +
                             std::to_string(row_bytes) + " bytes, " + std::to_string(kIndexRowBytesMax) + " fit)",
                         ""});
  return obstacles;
}

bool identity_holds(const TreeMember& member, const std::vector<std::string>& columns) {
  return member.replica_identity == 'f' || holds_all(member.identity_columns, columns);
}

TablePlan plan_table(const TableConfig& config, const TableFacts& table, const RowFilter* filter,
                     const std::optional<std::string>& publication_filter, const PublishedRecord* record) {
  TablePlan plan;
  plan.replaces_full = record && record->identity == "full" && record->former_identity != "full";
  plan.publication_filter = publication_filter;
  plan.identity_columns = table.key_columns();
  if (filter) plan.filter_columns = filter->columns;
  for (const std::string& name : plan.filter_columns)
    if (!holds(plan.identity_columns, name)) plan.identity_columns.push_back(name);
  plan.identity_index = index_name(table.name, plan.identity_columns);
  plan.identity = choose_identity(table, plan);
  plan.replaces_full = plan.replaces_full && plan.identity != Identity::full;

  // PostgreSQL refuses the application's UPDATE when a column list leaves out a part of the identity; under FULL that
  // is any column. Then everything is published, to the agent alone, which sends the configured columns on.
  if (!config.columns.empty() && plan.identity != Identity::full) {
    std::vector<std::string> wanted = config.columns;
    wanted.insert(wanted.end(), plan.identity_columns.begin(), plan.identity_columns.end());
    for (const TreeMember& member : table.tree)
      wanted.insert(wanted.end(), member.identity_columns.begin(), member.identity_columns.end());
    for (const ColumnFacts& column : table.columns)
      if (holds(wanted, column.name)) plan.published_columns.push_back(column.name);
    const auto is_sent = [](const ColumnFacts& column) { return !column.is_generated; };
    if (plan.published_columns.size() ==
        static_cast<size_t>(std::count_if(table.columns.begin(), table.columns.end(), is_sent)))
      plan.published_columns.clear();
  }
  // Under FULL the old row comes along, large values included.
  if (plan.identity != Identity::full)
    plan.completion = make_completion(config, table, plan.filter_columns, filter && !filter->functions.empty(),
                                      plan.published_columns);
  return plan;
}

TableSteps steps_of(const TablePlan& plan, const TableFacts& table, const PublishedRecord* record) {
  TableSteps steps;
  if (plan.identity == Identity::index) add_index_steps(plan, table, steps.indexes);
  if (plan.identity != Identity::kept) add_identity_steps(plan, table, steps.identities);
  (plan.completion ? steps.completion : steps.leftovers) = completion_steps(table, plan.completion);
  const TreeMember& top = table.tree.front();
  const bool is_in_use = record && top.identity_index == record->identity_index && steps.identities.empty();
  const bool is_planned = plan.identity == Identity::index && record && record->identity_index == plan.identity_index;
  if (record && !record->identity_index.empty() && !is_planned && !is_in_use &&
      top.indexes.contains(record->identity_index))
    steps.leftovers.push_back({(table.is_partitioned ? "DROP INDEX " : "DROP INDEX CONCURRENTLY ") +
                                   quote_name(table.schema, record->identity_index),
                               "no longer used as the replica identity",
                               false,
                               {},
                               table.is_partitioned ? writers_of(table) : std::vector<std::string>{}});
  return steps;
}

std::vector<Step> record_steps(const TableConfig& config, const TablePlan& plan, const TableFacts& table,
                               const PublishedRecord* record) {
  const std::string identity = identity_word(plan.identity);
  std::string index = plan.identity == Identity::index ? plan.identity_index : "";
  if (plan.identity == Identity::kept && record && record->identity_index == table.tree.front().identity_index)
    index = record->identity_index;  // made for an earlier filter, and wide enough for this one
  if (record && record->row_filter == config.where && record->publication_filter == plan.publication_filter &&
      record->filter_columns == plan.filter_columns && record->columns == config.columns &&
      record->identity == identity && record->identity_index == index)
    return {};
  const auto or_null = [](const std::string& text) { return text.empty() ? std::string("NULL") : quote_literal(text); };
  return {
      {"INSERT INTO tributary.published (table_schema, table_name, row_filter, publication_filter, filter_columns,"
       " columns, identity, identity_index, former_identity)\nVALUES (" +
           quote_literal(table.schema) + ", " + quote_literal(table.name) + ", " + quote_literal(config.where) + ", " +
           or_null(plan.publication_filter.value_or("")) + ", " + text_array(plan.filter_columns) + ", " +
           text_array(config.columns) + ", " + quote_literal(identity) + ", " + or_null(index) + ", " +
           quote_literal(former_identity(table.tree.back())) +
           ")\nON CONFLICT (table_schema, table_name) DO UPDATE SET row_filter = EXCLUDED.row_filter,"
           " publication_filter = EXCLUDED.publication_filter, filter_columns = EXCLUDED.filter_columns,"
           " columns = EXCLUDED.columns, identity = EXCLUDED.identity, identity_index = EXCLUDED.identity_index,"
           " prepared_at = now()",
       "how " + table.full_name() + " is published, and what it was before"}};
}

}  // namespace tributary
