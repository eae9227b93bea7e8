#include <algorithm>

#include "source/removal.h"
#include "source/row_filter.h"

namespace tributary {
namespace {

const ChildConfig& find_child(const Config& config, const std::string& name) {
  for (const ChildConfig& child : config.intake->children)
    if (child.name == name) return child;
  throw Error(ErrorKind::setup, "the configuration has no [[child]] " + name + ", so which rows it owns is not known",
              "put its [[child]] back for this command, or leave out --delete-rows");
}

// Every row of a table is a child's own only where no other child writes here, or ever wrote: a [[child]] that was
// taken out leaves its rows, and how far it was applied.
Task<bool> is_only_child(Connection& connection, const Config& config, std::string child) {
  if (config.intake->children.size() > 1) co_return false;
  const Result alone =
      co_await connection.execute("SELECT NOT EXISTS (SELECT FROM tributary.applied WHERE child <> $1)", {child});
  co_return alone.boolean(0, 0);
}

Task<bool> has_sent(Connection& connection, std::string child, std::string table) {
  const Result known = co_await connection.query("SELECT to_regclass('tributary.walk') IS NOT NULL");
  if (!known.boolean(0, 0)) co_return false;  // the database was prepared by a version that had none
  const Result walk = co_await connection.execute("SELECT FROM tributary.walk WHERE child = $1 AND table_name = $2",
                                                  {std::move(child), std::move(table)});
  co_return walk.rows() > 0;
}

// As apply has it: the table's own condition, else `owns` where the table has its columns, else every row, which is
// this child's own only where it is the only one. nullopt: the child has sent nothing of the table.
Task<std::optional<std::string>> owned_rows(Connection& connection, const Config& config, const ChildConfig& child,
                                            const ParentTable& table) {
  const std::string name = table.full_name();
  const auto of_table = child.owns_by_table.find(name);
  const std::string condition = of_table != child.owns_by_table.end() ? of_table->second : child.owns;
  if (!condition.empty()) {
    std::optional<Error> failure;
    try {
      co_await connection.execute("SELECT FROM " + quote_name(table.schema, table.name) + " AS t WHERE " +
                                      parenthesised(condition) + " LIMIT 0",
                                  {});
    } catch (const Error& error) {
      failure = error;
    }
    if (!failure) co_return condition;
    if (failure->sqlstate() != "42703" || of_table != child.owns_by_table.end()) throw *failure;
  }
  if (!co_await has_sent(connection, child.name, name)) co_return std::nullopt;
  if (!co_await is_only_child(connection, config, child.name))
    throw Error(ErrorKind::setup,
                "which rows of " + name + " are " + child.name +
                    "'s is not known: other children write it too, or one that was taken out has rows here",
                "say it in owns_by_table of this [[child]], or leave out --delete-rows and delete by hand");
  co_return "true";
}

// A DELETE for each table; what is left is said in `notes`.
Task<std::string> delete_statements(Connection& connection, const Config& config, const ChildConfig& child,
                                    std::vector<std::string>& notes) {
  std::string statements;
  for (const ParentTable& table : co_await find_parent_tables(connection, *config.intake)) {
    const std::optional<std::string> owned = co_await owned_rows(connection, config, child, table);
    if (owned)
      statements += ";\nDELETE FROM " + quote_name(table.schema, table.name) + " AS t WHERE (" + parenthesised(*owned) +
                    ") IS TRUE";
    else
      notes.push_back("The rows of " + table.full_name() + " are left: no `owns` says which are " + child.name +
                      "'s, and its stream brought none.");
  }
  co_return statements;
}

}  // namespace

Task<Preparation> prepare_child_removal(Connection& connection, const Config& config, std::string child,
                                        bool deletes_rows) {
  if (!config.intake)
    throw Error(ErrorKind::setup, config.node.name + " takes no children: its configuration has no [intake]",
                "run it at the parent, with the parent's configuration");
  Preparation removal;
  const Result there = co_await connection.query("SELECT to_regclass('tributary.applied') IS NOT NULL");
  if (!there.boolean(0, 0))
    throw Error(ErrorKind::setup, "the database keeps no children: it was not prepared for [intake]",
                "run: tributary init; or name the parent's configuration: --config");
  const std::string literal = quote_literal(child);
  std::string statement = "BEGIN";
  if (deletes_rows) {
    const ChildConfig& configured = find_child(config, child);
    statement += ";\nSET LOCAL session_replication_role = replica";  // as the agent's own deletes
    statement += co_await delete_statements(connection, config, configured, removal.notes);
  }
  int64_t known = 0;
  for (const char* table : {"applied", "walk", "stale", "extra", "ownership", "paused"}) {
    const Result exists =
        co_await connection.query("SELECT to_regclass('tributary." + std::string(table) + "') IS NOT NULL");
    if (!exists.boolean(0, 0)) continue;  // the database was prepared by a version that had none
    const std::string from = " FROM tributary." + std::string(table) + " WHERE child = " + literal;
    const Result count = co_await connection.query("SELECT count(*)" + from);
    known += count.integer(0, 0);
    statement += ";\nDELETE" + from;
  }
  if (known == 0 && !deletes_rows) {
    removal.notes.push_back("Nothing is known here of a child " + child + ".");
    co_return removal;
  }
  removal.steps.push_back(
      {statement + ";\nCOMMIT", deletes_rows ? "its rows, and how far its stream was applied, in one transaction"
                                             : "how far its stream was applied, and what of it is stale or extra"});
  co_return removal;
}

}  // namespace tributary
