#include "apply/ownership.h"

#include <spdlog/spdlog.h>

#include "apply/row_source.h"
#include "apply/transaction.h"
#include "apply/walks.h"

namespace tributary {
namespace {

constexpr char kUndefinedColumn[] = "42703";
constexpr char kUndefinedTable[] = "42P01";
constexpr char kQueryCanceled[] = "57014";

std::string all_or_none(bool is_all) {
  return is_all ? "true" : "false";
}

std::vector<StatementList::Param> params_of(const std::string& child, const std::string& table) {
  std::vector<StatementList::Param> params;
  params.push_back({false, child});
  params.push_back({false, table});
  return params;
}

void add_ownership(StatementList& out, Walks& walks, const std::string& child, const std::string& table,
                   Ownership ownership) {
  if (ownership == walks.ownership(table)) return;
  std::vector<StatementList::Param> params = params_of(child, table);
  params.push_back({false, ownership.condition});
  params.push_back({false, all_or_none(ownership.to_be_compared)});
  out.add(
      "INSERT INTO tributary.ownership (child, table_name, condition, to_be_compared)"
      " VALUES ($1::text, $2::text, $3::text, $4::boolean) ON CONFLICT (child, table_name)"
      " DO UPDATE SET condition = excluded.condition, to_be_compared = excluded.to_be_compared",
      Expect::exactly, 1, std::move(params));
  walks.set_ownership(table, std::move(ownership));
}

// "": it was answered; otherwise the SQLSTATE of what the server said.
Task<std::string> ask(Connection& connection, std::string condition, bool& answer) {
  std::string sqlstate;
  try {
    // All rows are looked at, perhaps.
    co_await connection.query("BEGIN; SET LOCAL enable_seqscan = on");
    const Result result = co_await connection.execute("SELECT EXISTS (" + condition + ")", {});
    answer = result.boolean(0, 0);
    co_await connection.query("COMMIT");
  } catch (const Error& error) {
    if (error.sqlstate().empty() || (passes_by_itself(error) && error.sqlstate() != kQueryCanceled)) throw;
    sqlstate = error.sqlstate();
  }
  if (!sqlstate.empty()) co_await roll_back(connection);
  co_return sqlstate;
}

// Of a row t.
std::string meets(const std::string& condition) {
  return "(SELECT (" + condition + ") IS TRUE FROM (SELECT t.*) AS x)";
}

// As condition_of has it for the shape that the child sends, and without one.
Task<std::string> condition_now(Connection& connection, const ChildRights& rights, bool is_alone, std::string table,
                                std::string rows, std::string before) {
  const auto of_table = rights.child.owns_by_table.find(table);
  const bool is_for_table = of_table != rights.child.owns_by_table.end();
  const std::string condition = is_for_table ? of_table->second : rights.child.owns;
  const std::string without = all_or_none(rights.is_only_child && is_alone);
  if (condition.empty()) co_return without;
  if (condition == before) co_return before;
  bool ignored = false;
  const std::string refusal = co_await ask(connection, rows + " WHERE " + meets(condition) + " AND false", ignored);
  co_return refusal == kUndefinedColumn && !is_for_table ? without : condition;
}

}  // namespace

std::string condition_of(const Shape& shape) {
  return shape.owns.empty() ? all_or_none(shape.may_clear) : shape.owns;
}

void add_begun(StatementList& out, Walks& walks, const std::string& child, const Shape& shape) {
  Ownership ownership = walks.ownership(shape.title);
  ownership.condition = condition_of(shape);
  ownership.to_be_compared = false;
  add_ownership(out, walks, child, shape.title, std::move(ownership));
}

void add_to_be_compared(StatementList& out, Walks& walks, const std::string& child, const std::string& table) {
  Ownership ownership = walks.ownership(table);
  ownership.to_be_compared = true;
  add_ownership(out, walks, child, table, std::move(ownership));
}

void add_left_out(StatementList& out, const std::string& child, const std::map<std::string, uint64_t>& deletes) {
  for (const auto& [table, count] : deletes) {
    std::vector<StatementList::Param> params = params_of(child, table);
    params.push_back({false, std::to_string(count)});
    out.add(
        "INSERT INTO tributary.ownership AS o (child, table_name, deletes_left_out)"
        " VALUES ($1::text, $2::text, $3::bigint) ON CONFLICT (child, table_name)"
        " DO UPDATE SET deletes_left_out = o.deletes_left_out + excluded.deletes_left_out",
        Expect::exactly, 1, std::move(params));
  }
}

Task<> note_changed_ownership(Connection& connection, const ChildRights& rights, Walks& walks) {
  for (const std::string& table : walks.tables()) {
    const std::string before = walks.ownership(table).condition;
    const auto [schema, name] = split_dotted_name(table);
    const std::string rows = "SELECT FROM " + quote_name(schema, name) + " AS t";
    const std::string now = co_await condition_now(connection, rights, walks.is_alone(), table, rows, before);
    if (now == before) continue;
    // What lost its owner is nobody's to compare.
    bool is_more = false;
    const std::string refusal =
        co_await ask(connection, rows + " WHERE " + meets(now) + " AND NOT " + meets(before), is_more);
    is_more |= !refusal.empty() && refusal != kUndefinedTable;
    if (is_more)
      spdlog::info("apply: rows of table {} here are {}'s now that were not: it compares the table", table,
                   rights.child.name);
    Ownership ownership = walks.ownership(table);
    ownership.condition = now;
    ownership.to_be_compared |= is_more;
    StatementList list;
    add_ownership(list, walks, rights.child.name, table, std::move(ownership));
    const PipelineResult result = co_await run(connection, list);
    if (result.error) throw *result.error;
  }
}

}  // namespace tributary
