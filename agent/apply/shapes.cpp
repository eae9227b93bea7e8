#include "apply/shapes.h"

#include <spdlog/spdlog.h>

namespace tributary {
namespace {

// Plans the condition over a row without running it; the SQLSTATE of what PostgreSQL says, "" when all is well. The
// parts of a large transaction may bring a new shape while theirs is open: it must survive a refusal.
Task<std::string> refusal_of(Connection& connection, const std::string& condition, const std::string& row) {
  std::string sqlstate;
  const bool is_in_transaction = connection.in_transaction();
  if (is_in_transaction) co_await connection.query("SAVEPOINT ask");
  try {
    co_await connection.execute("SELECT (" + condition + ") IS TRUE FROM (" + row + " OFFSET 0) AS x WHERE false", {});
  } catch (const Error& error) {
    if (error.sqlstate().empty() || error.kind() == ErrorKind::connection || error.kind() == ErrorKind::resource) throw;
    sqlstate = error.sqlstate();
  }
  if (is_in_transaction) co_await connection.query("ROLLBACK TO SAVEPOINT ask; RELEASE SAVEPOINT ask");
  co_return sqlstate;
}

// In memory, about; how it fits takes as much again.
uint64_t bytes_of(const Relation& relation) {
  uint64_t bytes = sizeof(Relation) + relation.schema.size() + relation.name.size();
  for (const Column& column : relation.columns) bytes += sizeof(Column) + column.name.size() + column.type_name.size();
  return 2 * bytes;
}

constexpr char kUndefinedColumn[] = "42703";
constexpr char kMissingRight[] = "42501";

}  // namespace

void Shapes::add(uint64_t shape_id, Relation relation) {
  if (relation.shape_id() != shape_id) throw Error(ErrorKind::protocol, "a table's shape under a wrong number");
  set_current(relation.full_name(), shape_id);
  if (relations_.contains(shape_id)) return;
  if (!is_allowed(relation, rights_.tables)) relation.columns.clear();
  const uint64_t bytes = bytes_of(relation);
  if (bytes > kBytesMax - bytes_)
    throw Error(ErrorKind::protocol, "more and larger shapes of tables than are kept for one child",
                "Send fewer tables, or columns: [[table]] at the child.");
  bytes_ += bytes;
  relations_.emplace(shape_id, std::move(relation));
}

const Fit* Shapes::known(uint64_t shape_id) const {
  const auto found = fits_.find(shape_id);
  return found == fits_.end() ? nullptr : &found->second;
}

Task<const Fit*> Shapes::find(Connection& connection, uint64_t shape_id) {
  if (const Fit* fit = known(shape_id)) co_return fit;
  const auto relation = relations_.find(shape_id);
  if (relation == relations_.end())
    throw Error(ErrorKind::protocol, "a change of a table whose shape was not announced");
  co_return &fits_.insert_or_assign(shape_id, co_await ask(connection, relation->second)).first->second;
}

std::optional<std::string> Shapes::table_of(uint64_t shape_id) const {
  const auto found = relations_.find(shape_id);
  return found == relations_.end() ? std::nullopt : std::optional(found->second.full_name());
}

std::optional<uint64_t> Shapes::current(const std::string& table) const {
  const auto found = current_.find(table);
  return found == current_.end() ? std::nullopt : std::optional(found->second);
}

Task<const Fit*> Shapes::find_again(Connection& connection, uint64_t shape_id) {
  fits_.erase(shape_id);
  return find(connection, shape_id);
}

Task<Fit> Shapes::ask(Connection& connection, const Relation& relation) const {
  if (!is_allowed(relation, rights_.tables))
    co_return Mismatch{"table " + relation.full_name() + " is not one that children may write here",
                       "List it in [intake] tables, or take it out of the child's replication set.", true};
  Fit fitted = fit(relation, co_await read_target(connection, relation));
  if (auto* shape = std::get_if<Shape>(&fitted)) {
    auto condition = co_await ownership(connection, relation, *shape);
    if (auto* mismatch = std::get_if<Mismatch>(&condition)) co_return std::move(*mismatch);
    shape->owns = std::move(std::get<std::string>(condition));
    shape->may_clear = (rights_.is_only_child && is_alone_) || !shape->owns.empty();
  }
  co_return fitted;
}

Task<std::variant<std::string, Mismatch>> Shapes::ownership(Connection& connection, const Relation& relation,
                                                            const Shape& shape) const {
  const auto of_table = rights_.child.owns_by_table.find(relation.full_name());
  const bool is_for_table = of_table != rights_.child.owns_by_table.end();
  const std::string condition = is_for_table ? of_table->second : rights_.child.owns;
  if (condition.empty()) co_return std::string();

  const std::string subject = "the condition `owns` of child " + rights_.child.name;
  std::string sqlstate = co_await refusal_of(connection, condition, "SELECT t.* FROM " + shape.table + " AS t");
  // `owns` means the tables that have its columns. A misspelt column looks the same: it must not go unnoticed.
  if (sqlstate == kUndefinedColumn && !is_for_table) {
    if (unlimited_tables_.insert(shape.title).second)
      spdlog::warn(
          "child {} may write every row of table {}: it does not have all columns of `owns`; to limit the "
          "child there, give the table a condition in owns_by_table",
          rights_.child.name, shape.title);
    co_return std::string();
  }
  if (sqlstate == kMissingRight)
    co_return Mismatch{"the agent's role may not read table " + shape.title,
                       "Grant the role what it needs: `tributary init` prints and runs the statements.", true};
  if (!sqlstate.empty())
    co_return Mismatch{subject + " does not work for table " + shape.title + " (SQLSTATE " + sqlstate + ")",
                       "Correct it in [[child]], and restart the agent.", true};

  std::string sent_row;
  for (const Shape::Column& column : shape.columns)
    sent_row += (sent_row.empty() ? "SELECT NULL::" : ", NULL::") + column.type + " AS " + column.name;
  sqlstate = co_await refusal_of(connection, condition, sent_row);
  if (!sqlstate.empty())
    co_return Mismatch{subject + " names a column of table " + shape.title + " that the child does not send",
                       "Add the column to the child's [[table]] columns, or give the table a condition of its own in "
                       "owns_by_table.",
                       true};
  co_return condition;
}

}  // namespace tributary
