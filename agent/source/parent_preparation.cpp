#include <algorithm>

#include "config/table_pattern.h"
#include "source/preparation.h"
#include "sql.h"

namespace tributary {
namespace {

// Values are cast to their columns' types by name, to a domain's base type, and keys are compared by their operators.
constexpr char kTables[] = R"(
WITH RECURSIVE written AS (
  SELECT c.oid, n.nspname, c.relname, c.relrowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('tributary', 'information_schema') AND n.nspname !~ '^pg_'),
used AS (
  SELECT w.oid, a.atttypid AS type FROM written w
  JOIN pg_attribute a ON a.attrelid = w.oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION
  SELECT u.oid, t.typbasetype FROM used u JOIN pg_type t ON t.oid = u.type AND t.typtype = 'd'),
schemas AS (
  SELECT u.oid, t.typnamespace AS schema FROM used u JOIN pg_type t ON t.oid = u.type
  UNION
  SELECT i.indrelid, o.oprnamespace FROM written w JOIN pg_index i ON i.indrelid = w.oid AND i.indisunique
  CROSS JOIN LATERAL unnest(i.indclass::oid[]) AS k(opclass)
  JOIN pg_opclass oc ON oc.oid = k.opclass
  JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3
  JOIN pg_operator o ON o.oid = ao.amopopr)
SELECT w.nspname, w.relname,
  (SELECT string_agg(n.nspname, E'\x1f' ORDER BY n.nspname) FROM schemas s JOIN pg_namespace n ON n.oid = s.schema
   WHERE s.oid = w.oid AND n.nspname <> 'pg_catalog'),
  (SELECT string_agg(DISTINCT format('%I.%I', n.nspname, s.relname), E'\x1f')
   FROM pg_attrdef a JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
   JOIN pg_class s ON d.refclassid = 'pg_class'::regclass AND s.oid = d.refobjid AND s.relkind = 'S'
   JOIN pg_namespace n ON n.oid = s.relnamespace WHERE a.adrelid = w.oid), w.relrowsecurity
FROM written w ORDER BY 1, 2)";

}  // namespace

Task<std::vector<ParentTable>> find_parent_tables(Connection& connection, const IntakeConfig& intake) {
  const Result rows = co_await connection.query(kTables);
  std::vector<ParentTable> tables;
  for (int i = 0; i < rows.rows(); ++i) {
    const ParentTable table{rows.text(i, 0), rows.text(i, 1), split_names(rows.value(i, 2)),
                            split_names(rows.value(i, 3)), rows.boolean(i, 4)};
    if (matches_any(table.full_name(), intake.tables)) tables.push_back(table);
  }
  co_return tables;
}

Task<Preparation> prepare_parent(Connection& connection, const Config& config) {
  Preparation preparation;
  const std::string role = parent_role(config);
  preparation.steps = co_await undo_steps(connection);
  // The newest of what schema/parent.sql makes.
  const Result schema = co_await connection.query(
      "SELECT to_regclass('tributary.paused') IS NOT NULL AND to_regclass('tributary.ownership') IS NOT NULL"
      " AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('tributary.stale') AND attname = 'ways_made')"
      " AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('tributary.walk') AND attname = "
      "'is_loaded')");
  if (!schema.boolean(0, 0))
    preparation.steps.push_back({sql::parent, "the position of each child is kept in the database that it is true of"});
  const auto tables = co_await find_parent_tables(connection, *config.intake);
  const bool hides_rows = std::any_of(tables.begin(), tables.end(), [](const auto& t) { return t.has_row_security; });
  const bool is_role_prepared = config.parent && role == source_role(config);
  if (!is_role_prepared)
    for (Step& step : co_await role_steps(connection, role, false, hides_rows, preparation.notes))
      preparation.steps.push_back(std::move(step));
  if (is_role_prepared && hides_rows) {
    const Result seen =
        co_await connection.execute("SELECT FROM pg_roles WHERE rolname = $1 AND (rolbypassrls OR rolsuper)", {role});
    if (seen.rows() == 0)
      preparation.steps.push_back(
          {"ALTER ROLE " + quote_name(role) + " BYPASSRLS", "row-level security would hide rows that children wrote"});
  }
  for (Step& step : co_await missing_grants(connection, role, parent_grants(role, tables)))
    preparation.steps.push_back(std::move(step));
  for (const std::string& pattern : config.intake->tables) {
    const auto is_matched = [&](const ParentTable& t) { return matches_any(t.full_name(), {pattern}); };
    if (std::none_of(tables.begin(), tables.end(), is_matched))
      preparation.notes.push_back("No table matches " + pattern + " of [intake] tables. Make it, then run init again.");
  }
  co_return preparation;
}

}  // namespace tributary
