#include <algorithm>

#include "config/table_pattern.h"
#include "source/checks.h"
#include "source/ownership_checks.h"
#include "source/preparation.h"

namespace tributary {
namespace {

// Per table: an index that tells its rows apart, constraints that the replica role switches off, and columns that
// cannot be set. Its key is the primary key; without one, any unique index may turn out to be the child's.
constexpr char kParentTable[] = R"(
WITH keys AS (
  SELECT (k.indkey::int2[])[0:k.indnkeyatts - 1] AS columns, k.indisprimary AS is_primary FROM pg_index k
  WHERE k.indrelid = to_regclass($1) AND k.indisunique AND k.indimmediate AND k.indisvalid
    AND k.indpred IS NULL AND k.indexprs IS NULL)
SELECT EXISTS (SELECT FROM keys),
  (SELECT quote_ident(o.conname) FROM pg_constraint o WHERE o.conrelid = c.oid AND o.condeferrable
     AND o.contype IN ('p', 'u', 'x') LIMIT 1),
  (SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity = 'a' AND NOT EXISTS
     (SELECT FROM keys k WHERE a.attnum = ANY (k.columns)
      AND (k.is_primary OR NOT EXISTS (SELECT FROM keys WHERE is_primary))) LIMIT 1),
  (SELECT quote_ident(t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
     AND t.tgenabled IN ('A', 'R') AND t.tgname <> 'zzz_tributary_complete' LIMIT 1),
  c.relrowsecurity AND NOT (SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user),
  (SELECT string_agg(quote_ident(t.tgname), ', ' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid
     AND NOT t.tgisinternal AND t.tgenabled = 'O'),
  (SELECT quote_ident(t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid
     AND NOT t.tgisinternal AND t.tgenabled = 'O' ORDER BY t.tgname LIMIT 1)
FROM pg_class c WHERE c.oid = to_regclass($1))";

// A partitioned table has no rows of its own; a table that is not one is no tree.
constexpr char kUnlogged[] = R"(
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 'u' AND c.relkind = 'r'
  AND (c.oid = to_regclass($1) OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass($1))))
ORDER BY 1, 2)";

// Partitions have copies of their root's constraints, which say nothing new.
constexpr char kForeignKeys[] = R"(
SELECT quote_ident(o.conname), n.nspname, c.relname
FROM pg_constraint o JOIN pg_class c ON c.oid = o.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE o.contype = 'f' AND o.conparentid = 0 AND o.conrelid = to_regclass($1) ORDER BY 1)";

// What children send was held against the foreign keys of the children's databases; here the replica role does not.
Task<void> check_foreign_keys(Connection& connection, const ParentTable& table, const std::vector<ParentTable>& tables,
                              Findings& findings) {
  const std::string target = quote_name(table.schema, table.name);
  const Result keys = co_await connection.execute(kForeignKeys, {target});
  for (int i = 0; i < keys.rows(); ++i) {
    const std::string other = dotted_name(keys.text(i, 1), keys.text(i, 2));
    const std::string what = "foreign key " + keys.text(i, 0) + " of " + table.full_name() + " to " + other +
                             " is not enforced on what children send";
    if (std::any_of(tables.begin(), tables.end(), [&](const auto& t) { return t.full_name() == other; }))
      findings.push_back({Verdict::ok, what + ": it was at the child"});
    else
      findings.push_back({Verdict::warning, what + ", and children do not write " + other,
                          other + " among [intake] tables, and a [[table]] for it at the children; or: ALTER TABLE " +
                              target + " DROP CONSTRAINT " + keys.text(i, 0),
                          "rows may refer to rows that are not here, and no query may rely on the key"});
  }
}

Task<void> check_parent_table(Connection& connection, const ParentTable& table, const std::vector<ParentTable>& tables,
                              Findings& findings) {
  const std::string target = quote_name(table.schema, table.name);
  const std::string name = table.full_name();
  const std::string alter = "ALTER TABLE " + target;
  const Result facts = co_await connection.execute(kParentTable, {target});
  const size_t before = findings.size();
  if (!facts.boolean(0, 0))
    findings.push_back(
        {Verdict::stops,
         "table " + name + " has no primary key and no unique index, or only a deferrable, partial or invalid one",
         alter + " ADD PRIMARY KEY (...), the child's key"});
  if (!facts.is_null(0, 1))
    findings.push_back({Verdict::stops,
                        "constraint " + facts.text(0, 1) + " of " + name +
                            " is DEFERRABLE: PostgreSQL does not enforce it on what the agent writes",
                        alter + " DROP CONSTRAINT " + facts.text(0, 1) + ", and add it again, NOT DEFERRABLE"});
  if (!facts.is_null(0, 2))
    findings.push_back(
        {Verdict::warning,
         "column " + facts.text(0, 2) + " of " + name +
             " is GENERATED ALWAYS AS IDENTITY and cannot be updated: a child that sends it is refused",
         alter + " ALTER COLUMN " + facts.text(0, 2) + " SET GENERATED BY DEFAULT, unless it is this node's own"});
  if (!facts.is_null(0, 3))
    findings.push_back({Verdict::warning,
                        "trigger " + facts.text(0, 3) + " of " + name + " fires on what children send too",
                        alter + " ENABLE TRIGGER " + facts.text(0, 3) + ", unless that is meant"});
  if (!facts.is_null(0, 5)) {
    const bool is_one = facts.text(0, 5) == facts.text(0, 6);
    findings.push_back({Verdict::warning,
                        (is_one ? "trigger " : "triggers ") + facts.text(0, 5) + " of " + name +
                            (is_one ? " does" : " do") + " not fire on what children send",
                        alter + " ENABLE ALWAYS TRIGGER " + facts.text(0, 6) +
                            ", if it should; nothing, if it is for this node's own writes",
                        "what children send is written under the replica role: it fired at the child already"});
  }
  co_await check_foreign_keys(connection, table, tables, findings);
  const Result unlogged = co_await connection.execute(kUnlogged, {target});
  for (int i = 0; i < unlogged.rows(); ++i) {
    const bool is_whole = unlogged.text(i, 0) == table.schema && unlogged.text(i, 1) == table.name;
    findings.push_back(
        {Verdict::stops,
         (is_whole ? "table " + name
                   : "partition " + dotted_name(unlogged.text(i, 0), unlogged.text(i, 1)) + " of " + name) +
             " is UNLOGGED: PostgreSQL empties it after a crash, and the children do not send its rows again",
         "ALTER TABLE " + quote_name(unlogged.text(i, 0), unlogged.text(i, 1)) + " SET LOGGED"});
  }
  const bool is_hidden = facts.boolean(0, 4);  // init has the step that mends it
  const bool is_writable =
      !is_hidden && std::all_of(findings.begin() + static_cast<std::ptrdiff_t>(before), findings.end(),
                                [](const Finding& finding) { return finding.verdict != Verdict::stops; });
  if (is_writable) findings.push_back({Verdict::ok, "children may write " + name, {}});
}

}  // namespace

Task<> check_parent(Connection& connection, const Config& config, Findings& findings) {
  const Preparation preparation = co_await prepare_parent(connection, config);
  for (const Step& step : preparation.steps) {
    const bool is_one_line = step.statement.find('\n') == std::string::npos;
    findings.push_back({step.is_needed ? Verdict::stops : Verdict::warning, "not prepared: " + step.why,
                        is_one_line ? step.statement + "; or: tributary init" : "tributary init"});
  }
  const auto tables = co_await find_parent_tables(connection, *config.intake);
  for (const std::string& pattern : config.intake->tables) {
    bool is_matched = false;
    for (const ParentTable& table : tables) is_matched = is_matched || matches_any(table.full_name(), {pattern});
    if (!is_matched)
      findings.push_back({Verdict::stops, "no table matches " + pattern + " of [intake] tables",
                          "make the table as the children have it, then run: tributary init"});
  }
  for (const ParentTable& table : tables) co_await check_parent_table(connection, table, tables, findings);
  const bool is_prepared =
      std::none_of(preparation.steps.begin(), preparation.steps.end(), [](const Step& s) { return s.is_needed; });
  for (const ChildConfig& child : config.intake->children)
    co_await check_ownership(connection, child, tables, is_prepared, findings);
  check_shared_tables(config.intake->children, tables, findings);
}

}  // namespace tributary
