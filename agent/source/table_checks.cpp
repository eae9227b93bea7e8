#include "source/table_checks.h"

#include <algorithm>

#include "source/row_filter.h"

namespace tributary {
namespace {

constexpr uint32_t kUuid = 2950;
constexpr char kTookTooLong[] = "57014";

// Types whose values are counted up, in every database from the same beginning.
bool is_number(uint32_t type) {
  return type == 20 || type == 21 || type == 23 || type == 1700;
}

void check_key(const TableFacts& table, Findings& findings) {
  const std::vector<std::string> key = table.key_columns();
  const auto type_of = [&](const std::string& column) { return table.column(column)->type_oid; };
  const bool has_uuid = std::any_of(key.begin(), key.end(), [&](const auto& c) { return type_of(c) == kUuid; });
  const bool is_counted = std::all_of(key.begin(), key.end(), [&](const auto& c) { return is_number(type_of(c)); });
  if (has_uuid || (key.size() > 1 && !is_counted)) return;
  std::string columns;
  for (const std::string& column : key) columns += (columns.empty() ? "" : ", ") + column;
  findings.push_back({Verdict::warning, "the key of " + table.full_name() + " (" + columns + ") is no UUID",
                      "a uuid column with DEFAULT gen_random_uuid() as the key, or a column with the node's name in it;"
                      " nothing, if no two nodes ever use the same value",
                      "it must be unique across all nodes that feed the parent's table: of two rows with one key the "
                      "later one takes the other's place"});
}

const char* action_of(std::string_view code) {
  switch (code.empty() ? ' ' : code.front()) {
    case 'c': return "CASCADE";
    case 'n': return "SET NULL";
    case 'd': return "SET DEFAULT";
    default: return "";
  }
}

// Partitions have copies of their root's constraints, which say nothing new.
constexpr char kCascades[] = R"(
SELECT n.nspname, c.relname, quote_ident(o.conname), o.confdeltype, o.confupdtype
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE o.contype = 'f' AND o.conparentid = 0 AND o.confrelid = $1::oid
  AND (o.confdeltype IN ('c', 'n', 'd') OR o.confupdtype IN ('c', 'n', 'd'))
ORDER BY 1, 2, 3)";

}  // namespace

void check_table(const PreparedTable& table, Findings& findings) {
  const std::string name = table.facts.full_name();
  const std::string quoted = quote_name(table.facts.schema, table.facts.name);
  check_key(table.facts, findings);
  for (const std::string& column : table.plan.filter_columns)
    if (!table.facts.column(column)->is_not_null && table.plan.identity == Identity::full)
      findings.push_back({Verdict::warning,
                          "filter column " + column + " of " + name +
                              " may be NULL: the table needs REPLICA IDENTITY FULL, which writes more log",
                          "ALTER TABLE " + quoted + " ALTER COLUMN " + quote_name(column) +
                              " SET NOT NULL, if it never is; then: tributary init",
                          "every UPDATE and DELETE writes the whole old row to the log; a row whose filter is NULL is "
                          "not approved"});
  if (table.plan.completion && !table.facts.completion.later_trigger.empty())
    findings.push_back({Verdict::warning,
                        "trigger " + table.facts.completion.later_trigger + " of " + name +
                            " fires after the completion trigger: if it changes a filter column, a large value may be "
                            "missing at the parent",
                        "ALTER TRIGGER " + quote_name(table.facts.completion.later_trigger) + " ON " + quoted +
                            " RENAME TO an earlier name"});
}

Task<> check_cascades(Connection& connection, const PreparedTable& table, const Config& config, Findings& findings) {
  const Result rows = co_await connection.execute(kCascades, {std::to_string(table.facts.oid)});
  for (int i = 0; i < rows.rows(); ++i) {
    const std::string other = dotted_name(rows.text(i, 0), rows.text(i, 1));
    const auto is_other = [&](const TableConfig& sent) { return sent.full_name() == other; };
    if (std::any_of(config.tables.begin(), config.tables.end(), is_other)) continue;
    std::string actions;
    for (const auto& [event, code] : {std::pair{"ON DELETE ", rows.value(i, 3)}, {"ON UPDATE ", rows.value(i, 4)}})
      if (*action_of(code)) actions += (actions.empty() ? "" : " and ") + std::string(event) + action_of(code);
    findings.push_back({Verdict::warning,
                        actions + " of " + rows.text(i, 2) + " reaches from " + table.facts.full_name() + " into " +
                            other + ", which is not sent",
                        "a [[table]] for " + other + " too, unless the parent has no such rows",
                        "at the parent no foreign key acts on what is sent: its rows of " + other +
                            " stay as they "
                            "are"});
  }
}

Task<> check_any_row(Connection& connection, const PreparedTable& table, Findings& findings) {
  const std::string name = table.facts.full_name();
  const std::string& where = table.config.where;
  const std::string from = (table.facts.is_partitioned ? "" : "ONLY ") +
                           quote_name(table.facts.schema, table.facts.name) + " AS " + quote_name(table.facts.name);
  const std::string query =
      "SELECT EXISTS (SELECT FROM " + from + (where.empty() ? "" : " WHERE " + parenthesised(where)) + ")";
  std::optional<Error> failure;
  bool is_any = false;
  try {
    const Result answer = co_await connection.query(query);
    is_any = answer.boolean(0, 0);
  } catch (const Error& error) {
    failure = error;
  }
  if (failure && failure->sqlstate() != kTookTooLong) throw *failure;
  const std::string none =
      where.empty() ? "table " + name + " has no row" : "no row of " + name + " meets its filter, " + where;
  if (failure)
    findings.push_back({Verdict::warning, "no row of " + name + " was found to meet its filter in ten seconds",
                        "SELECT count(*) FROM " + quote_name(table.facts.schema, table.facts.name) + " WHERE " + where,
                        "the table is large, and its approved rows are few or none"});
  else if (!is_any)
    findings.push_back({Verdict::warning, none,
                        where.empty() ? "nothing, if it is to be filled later"
                                      : "nothing, if none is approved yet; else correct `where` of this [[table]]",
                        "nothing of it is sent"});
}

}  // namespace tributary
