#include "apply/shape_trouble.h"

#include <unordered_map>

#include "apply/transaction.h"
#include "change/chunk.h"

namespace tributary {
namespace {

// What is known of the table of a change.
struct KnownTable {
  const Shape* shape = nullptr;  // nullptr: it does not fit
  std::string title;
  Walk walk;
  bool has_stale = false;
};

KnownTable known_table(uint64_t shape_id, const Shapes& shapes, const Walks& walks) {
  KnownTable table;
  table.shape = std::get_if<Shape>(shapes.known(shape_id));
  table.title = shapes.relation(shape_id).full_name();
  table.walk = walks.of(table.title);
  table.has_stale = walks.has_stale(table.title);
  return table;
}

bool is_set_wise(const GroupChange& change, const KnownTable& table, const Walks& walks) {
  if (!table.has_stale) return true;
  if (change.kind == ChangeKind::clear || change.kind == ChangeKind::chunk) return false;
  const auto key = key_of(change.tuple, table.shape->key);
  return key && !walks.is_stale(table.title, *key);
}

}  // namespace

void add_left_out(StatementList& out, Shapes& shapes, Walks& walks, const GroupChange& change,
                  const Mismatch& mismatch) {
  const std::string table = shapes.relation(change.shape_id).full_name();
  shapes.set_current(table, change.shape_id);
  const Walk walk = walks.of(table);
  if (walk.reason != mismatch.reason || walk.hint != mismatch.hint)
    add_walk_anew(out, walks, shapes.rights().child.name, table, mismatch.reason, mismatch.hint);
  if (change.kind == ChangeKind::chunk || change.kind == ChangeKind::digest) walks.tell(table);
}

void add_mended(StatementList& out, Walks& walks, const std::string& child, const std::string& table) {
  if (!walks.of(table).reason.empty()) add_walk_anew(out, walks, child, table);
}

void add_fitting(StatementList& out, Walks& walks, const std::string& child, const Shape& shape) {
  add_mended(out, walks, child, shape.title);
  add_known_key(out, walks, child, shape.title, shape.key_columns);
}

Task<> look_again(Connection& connection, Shapes& shapes, Walks& walks, StatementList& out) {
  const std::string& child = shapes.rights().child.name;
  for (const auto& [table, walk] : walks.troubles()) {
    const auto shape_id = shapes.current(table);
    if (!shape_id) continue;
    const Fit& fit = *co_await shapes.find_again(connection, *shape_id);
    const auto* mismatch = std::get_if<Mismatch>(&fit);
    if (!mismatch)
      add_mended(out, walks, child, table);
    else if (!mismatch->is_of_rights && mismatch->reason != walk.reason)
      add_walk_anew(out, walks, child, table, mismatch->reason, mismatch->hint);
  }
}

Task<bool> is_empty_here(Connection& connection, const Relation& relation) {
  const std::string table = quote_name(relation.schema, relation.name);
  const std::vector<std::optional<std::string>> name{table};
  const Result known = co_await connection.execute("SELECT to_regclass($1) IS NULL", name);
  if (known.boolean(0, 0)) co_return true;
  StatementList list;
  list.add("SELECT count(*) FROM (SELECT FROM " + table + " LIMIT 1) AS t", Expect::counts, 0, {}, false);
  co_return !list.first_unexpected(co_await run(connection, list));
}

bool is_set_wise(const Group& group, const Shapes& shapes, const Walks& walks) {
  std::unordered_map<uint64_t, KnownTable> tables;
  uint64_t last_id = 0;
  const KnownTable* last = nullptr;  // mostly the next one's too
  for (const GroupChange& change : group.changes) {
    if (!last || change.shape_id != last_id) {
      auto found = tables.find(change.shape_id);
      if (found == tables.end())
        found = tables.emplace(change.shape_id, known_table(change.shape_id, shapes, walks)).first;
      last = &found->second;
      last_id = change.shape_id;
    }
    const KnownTable& table = *last;
    const bool is_in_trouble = !table.walk.reason.empty();
    if (is_in_trouble != !table.shape) return false;
    if (is_in_trouble) continue;
    if (is_key_changed(table.walk, table.shape->key_columns)) return false;
    if (!is_set_wise(change, table, walks)) return false;
  }
  return true;
}

void tell_left_out(const Group& group, Shapes& shapes, Walks& walks) {
  for (const GroupChange& change : group.changes) {
    if (!std::holds_alternative<Mismatch>(*shapes.known(change.shape_id))) continue;
    const std::string table = shapes.relation(change.shape_id).full_name();
    shapes.set_current(table, change.shape_id);
    if (change.kind == ChangeKind::chunk) walks.tell(table);
  }
}

}  // namespace tributary
