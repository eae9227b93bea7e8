#include <algorithm>

#include "config/table_pattern.h"
#include "source/preparation.h"
#include "sql.h"

namespace tributary {

Task<std::vector<ParentTable>> find_parent_tables(Connection& connection, const IntakeConfig& intake) {
  const Result rows = co_await connection.query(
      "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'"
      " AND n.nspname NOT IN ('tributary', 'information_schema') AND n.nspname !~ '^pg_' ORDER BY 1, 2");
  std::vector<ParentTable> tables;
  for (int i = 0; i < rows.rows(); ++i) {
    const ParentTable table{rows.text(i, 0), rows.text(i, 1)};
    if (matches_any(table.schema + "." + table.name, intake.tables)) tables.push_back(table);
  }
  co_return tables;
}

Task<Preparation> prepare_parent(Connection& connection, const Config& config) {
  Preparation preparation;
  const std::string role = parent_role(config);
  const Result schema = co_await connection.query("SELECT to_regclass('tributary.applied') IS NOT NULL");
  if (!schema.boolean(0, 0))
    preparation.steps.push_back({sql::parent, "the position of each child is kept in the database that it is true of"});
  const auto tables = co_await find_parent_tables(connection, *config.intake);
  const bool is_role_prepared = config.parent && role == source_role(config);
  if (!is_role_prepared)
    for (Step& step : co_await role_steps(connection, role, false, false, preparation.notes))
      preparation.steps.push_back(std::move(step));
  for (Step& step : co_await missing_grants(connection, role, parent_grants(role, tables)))
    preparation.steps.push_back(std::move(step));
  for (const std::string& pattern : config.intake->tables) {
    const auto is_matched = [&](const ParentTable& t) { return matches_any(t.schema + "." + t.name, {pattern}); };
    if (std::none_of(tables.begin(), tables.end(), is_matched))
      preparation.notes.push_back("No table matches " + pattern + " of [intake] tables. Make it, then run init again.");
  }
  co_return preparation;
}

}  // namespace tributary
