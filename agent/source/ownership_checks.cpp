#include "source/ownership_checks.h"

#include <algorithm>

namespace tributary {
namespace {

// Plans a condition over a table's rows, in the words in which changes are applied, so that both say the same of it.
Task<std::optional<Error>> refusal_of(Connection& connection, const std::string& condition, const ParentTable& table) {
  const std::string rows = "SELECT t.* FROM ONLY " + quote_name(table.schema, table.name) + " AS t OFFSET 0";
  try {
    co_await connection.execute("SELECT (" + condition + ") IS TRUE FROM (" + rows + ") AS x WHERE false", {});
  } catch (const Error& error) {
    if (error.sqlstate().empty() || error.kind() == ErrorKind::connection || error.kind() == ErrorKind::resource) throw;
    co_return error;
  }
  co_return std::nullopt;
}

constexpr char kUndefinedColumn[] = "42703";
constexpr char kSyntaxError[] = "42601";
constexpr char kMissingRight[] = "42501";

}  // namespace

// `owns` holds for the tables that have its columns, so a misspelt column silently takes every limit away.
Task<> check_ownership(Connection& connection, const ChildConfig& child, const std::vector<ParentTable>& tables,
                       bool is_prepared, Findings& findings) {
  for (const auto& [name, condition] : child.owns_by_table)
    if (std::none_of(tables.begin(), tables.end(), [&](const auto& table) { return table.full_name() == name; }))
      findings.push_back({Verdict::stops,
                          "owns_by_table of child " + child.name + " names " + name +
                              ", which is no table here that [intake] tables allows",
                          "correct the name in [[child]], or make the table"});
  Findings unlimited;
  size_t tables_of_owns = 0;
  for (const ParentTable& table : tables) {
    const auto of_table = child.owns_by_table.find(table.full_name());
    const bool is_for_table = of_table != child.owns_by_table.end();
    const std::string condition = is_for_table ? of_table->second : child.owns;
    if (condition.empty()) continue;
    if (!is_for_table) ++tables_of_owns;
    const std::optional<Error> refusal = co_await refusal_of(connection, condition, table);
    if (!refusal) continue;
    const std::string& code = refusal->sqlstate();
    const std::string subject = (is_for_table ? "owns_by_table" : "`owns`") + std::string(" of child ") + child.name;
    if (code == kUndefinedColumn && !is_for_table) {
      unlimited.push_back({Verdict::warning,
                           "child " + child.name + " may write every row of " + table.full_name() +
                               ": `owns` names a column it does not have",
                           "correct `owns` in [[child]], or give the table a condition of its own in owns_by_table,"
                           " unless that is meant"});
    } else if (code == kMissingRight && !is_prepared) {
      continue;  // said already: the grants of the table are among the steps
    } else if (code == kSyntaxError && !is_for_table) {
      findings.push_back({Verdict::stops, subject + " is no SQL condition: " + refusal->message(),
                          "correct it in [[child]], and restart the agent"});
      co_return;
    } else {
      findings.push_back({Verdict::stops,
                          subject + " does not work for table " + table.full_name() + ": " + refusal->message(),
                          "correct it in [[child]], and restart the agent"});
    }
  }
  if (!unlimited.empty() && unlimited.size() == tables_of_owns)
    findings.push_back({Verdict::stops,
                        "`owns` of child " + child.name + " names a column that no table of [intake] tables has",
                        "correct it in [[child]], and restart the agent"});
  else
    std::move(unlimited.begin(), unlimited.end(), std::back_inserter(findings));
}

void check_shared_tables(const std::vector<ChildConfig>& children, const std::vector<ParentTable>& tables,
                         Findings& findings) {
  if (children.size() < 2) return;
  for (const ParentTable& table : tables) {
    std::string unlimited;
    for (const ChildConfig& child : children)
      if (child.owns.empty() && !child.owns_by_table.contains(table.full_name()))
        unlimited += (unlimited.empty() ? "" : ", ") + child.name;
    if (unlimited.empty()) continue;
    findings.push_back({Verdict::warning,
                        "several children write " + table.full_name() + ", and these may write every row: " + unlimited,
                        "owns = \"...\" in each [[child]], with a condition that is true of its own rows alone",
                        "nobody knows whose a row is: one child may overwrite another's, the table is copied whole "
                        "after a break and cannot be compared, and rows that no child has any more stay"});
  }
}

}  // namespace tributary
