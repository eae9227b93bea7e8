#include "source/notes.h"

#include <algorithm>

namespace tributary {
namespace {

std::string cost_of_full(const PreparedTable& table) {
  const std::string name = table.facts.full_name();
  std::string note = name +
                     " has REPLICA IDENTITY FULL: every UPDATE and DELETE also writes the old row, large values " +
                     "included, to the write-ahead log";
  if (table.facts.row_bytes)
    note += ", " + std::to_string(*table.facts.row_bytes) + " bytes on average";
  else
    note += " (ANALYZE " + quote_name(table.facts.schema, table.facts.name) + " tells how many bytes that is)";
  note += ".";
  const std::vector<IndexObstacle> obstacles = index_obstacles(table.facts, table.plan);
  if (obstacles.empty()) return note;
  note += " An index over the key and the filter's columns would be enough, but";
  bool can_be_mended = true;
  for (const IndexObstacle& obstacle : obstacles) {
    note += "\n     " + obstacle.reason;
    if (!obstacle.mend.empty()) note += ":  " + obstacle.mend;
    can_be_mended = can_be_mended && !obstacle.mend.empty();
  }
  if (can_be_mended)
    note +=
        "\nIf that is right for the application's values (a type such as varchar(64) does too), run init again after "
        "it.";
  return note;
}

// PostgreSQL refuses what would take a column out of the row filter, the identity's index or the trigger's condition.
std::string refused_ddl(const PreparedTable& table, const std::string& publication) {
  std::string columns;
  for (const std::string& column : table.plan.filter_columns)
    columns += (columns.empty() ? "" : ", ") + quote_name(column);
  const std::string name = quote_name(table.facts.schema, table.facts.name);
  std::string around = "BEGIN; ALTER PUBLICATION " + quote_name(publication) + " DROP TABLE " + name + ";";
  if (table.plan.completion)
    around += std::string(" DROP TRIGGER IF EXISTS ") + kCompletionTrigger + " ON " + name + ";";
  if (table.plan.identity == Identity::index)
    around += table.facts.is_partitioned
                  ? " ALTER TABLE ... REPLICA IDENTITY DEFAULT, for " + name + " and each of its partitions;"
                  : " ALTER TABLE " + name + " REPLICA IDENTITY DEFAULT;";
  return "As long as " + table.facts.full_name() + " is published, PostgreSQL refuses for " + columns +
         ": ALTER COLUMN ... TYPE, DROP COLUMN" +
         (table.plan.identity == Identity::index ? ", ALTER COLUMN ... DROP NOT NULL" : "") +
         ". The way around: stop the agent,\n     " + around +
         " ALTER TABLE ...; COMMIT\nthen correct `where`, run init again and start the agent, which compares the table "
         "with the parent's.";
}

// A bound that someone takes away later would let an INSERT fail.
std::string kept_bounds(const PreparedTable& table) {
  std::string columns;
  for (const std::string& name : table.plan.identity_columns)
    if (const ColumnFacts& column = *table.facts.column(name); column.is_text && column.type_modifier < 0)
      columns += (columns.empty() ? "" : ", ") + name;
  if (columns.empty()) return {};
  return "The CHECK that bounds " + columns + " of " + table.facts.full_name() +
         " keeps its values short enough for the identity's index. Before dropping it, run: ALTER TABLE " +
         quote_name(table.facts.schema, table.facts.name) + " REPLICA IDENTITY FULL; DROP INDEX " +
         quote_name(table.facts.schema, table.plan.identity_index) + "; and init after it.";
}

}  // namespace

std::vector<std::string> notes_on(const PreparedTable& table, const std::string& publication) {
  std::vector<std::string> notes;
  if (table.plan.identity == Identity::full) notes.push_back(cost_of_full(table));
  const bool is_watched =
      table.plan.publication_filter || table.plan.completion || table.plan.identity == Identity::index;
  if (!table.plan.filter_columns.empty() && is_watched) notes.push_back(refused_ddl(table, publication));
  if (table.plan.identity == Identity::index)
    if (std::string note = kept_bounds(table); !note.empty()) notes.push_back(std::move(note));
  return notes;
}

}  // namespace tributary
