#include "apply/transaction.h"

#include "apply/fence.h"
#include "base/failpoint.h"
#include "postgres/server_error.h"

namespace tributary {
namespace {

std::string hint_for(std::string_view sqlstate) {
  if (sqlstate == "23505" || sqlstate == "23P01")
    return "Another row here has the same unique value. Change or delete that row, or drop the constraint.";
  if (sqlstate == "42501")
    return "Grant the agent's role what it needs: `tributary init` prints and runs the statements.";
  if (sqlstate.starts_with("23") || sqlstate == "44000")
    return "A constraint of this table is stricter than the child's. Relax it here; the transaction is tried again by "
           "itself.";
  if (sqlstate.starts_with("22"))
    return "A value does not fit the column's type here. Change the column to the child's type.";
  if (sqlstate.starts_with("42"))
    return "Make the table what it is at the child; `tributary check` names what differs.";
  if (sqlstate == "P0001")
    return "A trigger here refuses the row. Change the trigger; the transaction is tried again by itself.";
  return "Mend the cause; the transaction is tried again by itself.";
}

// The refusal without the server's own sentence. Where rows are written, that may quote their values in any class:
// regclass says 42P01 'relation "<value>" does not exist', tsquery 42601, regnamespace 3F000. Only a missing right
// names nothing but objects.
Error without_values(const Error& error, const PipelineResult& result) {
  std::string message = "PostgreSQL: " + condition_name(error.sqlstate());
  const bool is_of_names = error.message().starts_with(message);
  if (is_of_names || error.sqlstate() == "42501") return error;
  if (!result.table.empty()) message += ", table " + result.table;
  if (!result.constraint.empty()) message += ", constraint " + result.constraint;
  return Error(error.kind(), message + " (SQLSTATE " + error.sqlstate() + ")", error.hint(), error.sqlstate());
}

}  // namespace

bool passes_by_itself(const Error& error) {
  return error.kind() == ErrorKind::connection || error.kind() == ErrorKind::resource;
}

Task<PipelineResult> run(Connection& connection, const StatementList& list) {
  PipelineResult result = co_await connection.pipeline(list.statements());
  if (result.error && passes_by_itself(*result.error)) throw *result.error;
  if (result.error) result.error = without_values(*result.error, result);
  co_return result;
}

Task<> throw_fence_lost(Connection& connection, std::string child, Position expected) {
  co_await roll_back(connection);
  const auto found = co_await read_applied(connection, child);
  throw Error(ErrorKind::protocol, "the applied position of child " + child + " is " +
                                       (found ? found->to_string() : "none") + " and not " + expected.to_string());
}

Task<> roll_back(Connection& connection) {
  co_await connection.query("ROLLBACK");
}

Task<std::optional<Error>> commit(Connection& connection) {
  failpoint("before_apply_commit");
  StatementList list;
  list.add("COMMIT", Expect::anything);
  const PipelineResult result = co_await run(connection, list);
  if (result.error) co_return result.error;
  failpoint("after_apply_commit");
  co_return std::nullopt;
}

Held held_by(const std::string& subject, const Error& error) {
  return {subject + ": " + error.message(), error.hint().empty() ? hint_for(error.sqlstate()) : error.hint(),
          error.sqlstate()};
}

}  // namespace tributary
