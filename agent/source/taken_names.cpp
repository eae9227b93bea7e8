#include "source/taken_names.h"

namespace tributary {

Task<std::vector<Step>> free_index_name(Connection& connection, const TableFacts& table, const TablePlan& plan) {
  std::vector<Step> steps;
  if (plan.identity != Identity::index) co_return steps;
  const Result owner = co_await connection.execute(
      "SELECT c.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid"
      " JOIN pg_namespace n ON n.oid = i.relnamespace"
      " WHERE n.nspname = $1 AND i.relname = $2 AND x.indrelid <> $3::oid",
      {table.schema, plan.identity_index, std::to_string(table.oid)});
  if (owner.rows() == 0) co_return steps;
  const std::string other = owner.text(0, 0);
  const std::string suffix = plan.identity_index.substr(plan.identity_index.rfind("_tributary_"));
  const std::string name = bounded_name(other + suffix);
  Step rename{"ALTER INDEX " + quote_name(table.schema, plan.identity_index) + " RENAME TO " + quote_name(name),
              "the index of " + dotted_name(table.schema, other) + " has the name that the one of " +
                  table.full_name() + " needs"};
  rename.records = {{"index", quote_name(table.schema, name)}};  // `remove` knows it by its name
  steps.push_back(std::move(rename));
  co_return steps;
}

}  // namespace tributary
