#include "apply/compared_digest.h"

#include <algorithm>

#include "apply/comparison.h"
#include "apply/finished_walk.h"
#include "apply/inspection.h"
#include "apply/known_keys.h"
#include "apply/refresh_statements.h"
#include "apply/shape_trouble.h"
#include "change/digest.h"

namespace tributary {
namespace {

// Rows here beyond those of the digest: where there are more, nothing is equal behind them anyway.
constexpr uint64_t kRowsBeyond = 5000;
constexpr uint64_t kRowsAtOnce = 200'000;
constexpr size_t kNamedRowsMax = 5000;
constexpr uint64_t kFewRows = 100'000;
constexpr size_t kNamedBytesMax = 1 << 20;

// The rows here of a digest's ranges.
struct RowsHere {
  std::vector<Comparison::Row> rows;
  bool is_cut = false;
};

uint64_t rows_to_read(const DigestView& digest) {
  uint64_t rows = kRowsBeyond;
  for (const DigestView::Range& range : digest.ranges) rows += range.sum.rows;
  return std::min(rows, kRowsAtOnce);
}

std::string key_in(const Result& result, int row, int columns) {
  std::vector<Value> values;
  for (int i = 0; i < columns; ++i) values.push_back({ValueKind::text, result.value(row, i)});
  std::string key;
  write_tuple(key, values);
  return key;
}

// The answer of one statement. Throws what the server says. The parameters live in `list` until it has run.
Task<PipelineResult> ask(Connection& connection, StatementList list) {
  PipelineResult result = co_await run(connection, list);
  if (result.error) throw *result.error;
  co_return result;
}

Task<RowsHere> read_rows(Connection& connection, const Shape& shape, const DigestView& digest) {
  const uint64_t rows_max = rows_to_read(digest);
  const KeyRange range{key_texts(shape, digest.after.value_or("")),
                       key_texts(shape, digest.ranges.back().end.value_or(""))};
  StatementList list;
  add_row_hashes(list, shape, range, rows_max);
  const PipelineResult answer = co_await ask(connection, std::move(list));
  const Result& found = answer.results.front();
  const int key_columns = static_cast<int>(shape.key.size());
  RowsHere here;
  for (int row = 0; row < found.rows(); ++row)
    here.rows.push_back({key_in(found, row, key_columns), RowHash::parse(found.value(row, key_columns))});
  here.is_cut = here.rows.size() == rows_max;
  co_return here;
}

Task<bool> has_rows_behind(Connection& connection, const Shape& shape, const std::string& walked_to) {
  StatementList list;
  add_has_rows(list, shape, {key_texts(shape, walked_to), {}});
  const PipelineResult answer = co_await ask(connection, std::move(list));
  co_return answer.results.front().boolean(0, 0);
}

// Whether there is next to nothing of a table at whose beginning nothing is equal: what there is live changes brought
// before its walk began.
Task<bool> is_to_be_loaded(Connection& connection, const Shape& shape, const DigestView& digest,
                           const std::vector<ComparedRanges>& compared) {
  const bool has_equal =
      std::any_of(compared.begin(), compared.end(), [](const ComparedRanges& ranges) { return ranges.is_equal; });
  const bool has_rows = std::any_of(digest.ranges.begin(), digest.ranges.end(),
                                    [](const DigestView::Range& range) { return range.sum.rows > 0; });
  // A table that ends within one digest needs no pages.
  if (digest.after || !digest.ranges.back().end || has_equal || !has_rows) co_return false;
  StatementList list;
  add_has_more_rows(list, shape, kFewRows);
  const PipelineResult answer = co_await ask(connection, std::move(list));
  co_return !answer.results.front().boolean(0, 0);
}

// Returns how many rows it has gone past.
Task<uint64_t> walk_on(Connection& connection, const Shape& shape, const DigestView& digest, Walk& walk) {
  const RowsHere here = co_await read_rows(connection, shape, digest);
  const std::vector<ComparedRanges> compared = compare(digest, here.rows, here.is_cut);
  const size_t equal = equal_ranges(compared);
  if (equal > 0) {
    const auto& end = digest.ranges[equal - 1].end;
    walk.is_complete = !end;
    walk.walked_to = end.value_or("");
  }
  uint64_t rows = 0;
  for (size_t i = 0; i < equal; ++i) rows += digest.ranges[i].sum.rows;
  if (walk.is_complete) co_return rows;
  const auto first_other =
      std::find_if(compared.begin(), compared.end(), [](const ComparedRanges& ranges) { return !ranges.is_equal; });
  const bool has_rows = first_other != compared.end() && first_other->rows_begin < here.rows.size();
  walk.wants_rows = !has_rows && !co_await has_rows_behind(connection, shape, walk.walked_to);
  if (!walk.is_loaded && co_await is_to_be_loaded(connection, shape, digest, compared)) {
    walk.wants_rows = true;
    walk.next_page = 0;
  }
  co_return rows;
}

Task<Comparison> verify(Connection& connection, const Shape& shape, const DigestView& digest) {
  const RowsHere here = co_await read_rows(connection, shape, digest);
  const std::vector<ComparedRanges> compared = compare(digest, here.rows, here.is_cut);
  Comparison comparison;
  comparison.differences = differences_of(digest, here.rows, compared, here.is_cut, kNamedRowsMax, kNamedBytesMax);
  co_return comparison;
}

// What the server does not let us look at holds nothing up: it is only not known then.
Task<Comparison> look_at_rows(Connection& connection, const Shapes& shapes, const Walks& walks, const Shape& shape,
                              const DigestView& digest) {
  co_await connection.query("SAVEPOINT inspection");
  Comparison comparison;
  std::optional<Error> failure;
  try {
    comparison = co_await inspect(connection, shapes.rights(), walks, shape, digest);
  } catch (const Error& error) {
    if (passes_by_itself(error) || error.sqlstate().empty()) throw;
    failure = error;
  }
  if (!failure) {
    co_await connection.query("RELEASE SAVEPOINT inspection");
    co_return comparison;
  }
  co_await connection.query("ROLLBACK TO SAVEPOINT inspection; RELEASE SAVEPOINT inspection");
  comparison.refusal = failure->message();
  co_return comparison;
}

// Why rows of the table cannot be verified; empty: they can.
std::string unverifiable(const Fit& fit, const Walk& walk) {
  if (!walk.reason.empty()) return walk.reason;
  if (const auto* mismatch = std::get_if<Mismatch>(&fit)) return mismatch->reason;
  if (!std::get<Shape>(fit).may_clear)
    return "which of the rows are this child's is not known at the parent: other children may write the table, and the "
           "child has no `owns` in [[child]]";
  if (!walk.is_complete) return "the table is not refreshed to its end yet";
  return {};
}

// Of a table that has none.
bool is_of_no_rows(const DigestView& digest) {
  return !digest.after && !digest.ranges.back().end &&
         std::all_of(digest.ranges.begin(), digest.ranges.end(),
                     [](const DigestView::Range& range) { return range.sum.rows == 0; });
}

Task<> write_step(Connection& connection, const std::string& child, const std::string& table, const WalkStep& step) {
  StatementList list;
  if (step.is_beginning) add_forget_listed(list, child, table);
  add_walked(list, child, table, step);
  co_await ask(connection, std::move(list));
}

Task<> run_all(Connection& connection, StatementList list) {
  if (list.size() > 0) co_await ask(connection, std::move(list));
}

// Of a table that does not fit. False: the child may not write it.
Task<bool> leave_out(Connection& connection, Shapes& shapes, Walks& walks, const GroupChange& change,
                     const DigestView& digest, const Mismatch& mismatch) {
  const Relation& relation = shapes.relation(change.shape_id);
  const std::string table = relation.full_name();
  const Walk walk = walks.of(table);
  // A table without rows fits as long as it has none.
  bool is_empty = is_of_no_rows(digest) && walk.reason.empty();
  if (is_empty) is_empty = co_await is_empty_here(connection, relation);
  if (is_empty) {
    WalkStep step = step_back(walk, digest.may_delete_extra);
    step.walk.is_complete = true;
    co_await write_step(connection, shapes.rights().child.name, table, step);
    walks.set(table, step.walk);
    co_return true;
  }
  if (mismatch.is_of_rights) co_return false;
  StatementList list;
  add_left_out(list, shapes, walks, change, mismatch);
  co_await run_all(connection, std::move(list));
  co_return true;
}

Task<> walk_by(Connection& connection, const ChildRights& rights, Walks& walks, const Shape& shape,
               const DigestView& digest) {
  StatementList list;
  add_fitting(list, walks, rights.child.name, shape);
  co_await run_all(connection, std::move(list));
  std::optional<WalkStep> step = step_to(walks.of(shape.title), digest.after, digest.may_delete_extra);
  if (!step) {
    walks.tell(shape.title);
    co_return;
  }
  step->walk.key_columns = shape.key_columns;
  if (const Walk& before = walks.of(shape.title); !before.is_complete) step->walk.is_loaded = before.is_loaded;
  if (step->is_beginning) {
    StatementList begun;
    add_begun(begun, walks, rights.child.name, shape);
    co_await run_all(connection, std::move(begun));
  }
  if (shape.may_clear)
    step->take_rows(co_await walk_on(connection, shape, digest, step->walk));
  else
    step->walk.wants_rows = true;
  if (step->walk.is_complete) co_await finish_walk(connection, rights, shape, walks, step->walk, digest.keeps_extra);
  co_await write_step(connection, rights.child.name, shape.title, *step);
  walks.set(shape.title, step->walk);
}

}  // namespace

Task<std::optional<Refusal>> compare_digest(Connection& connection, Shapes& shapes, Walks& walks,
                                            const GroupChange& change, uint64_t seq) {
  const DigestView digest = parse_digest(change.tuple);
  const Fit& fit = *co_await shapes.find(connection, change.shape_id);
  const std::string table = shapes.relation(change.shape_id).full_name();
  std::optional<Refusal> refusal;
  try {
    if (digest.is_to_verify || digest.is_inspection) {
      Comparison comparison;
      comparison.refusal = unverifiable(fit, walks.of(table));
      if (comparison.refusal.empty() && digest.is_inspection)
        comparison = co_await look_at_rows(connection, shapes, walks, std::get<Shape>(fit), digest);
      else if (comparison.refusal.empty())
        comparison = co_await verify(connection, std::get<Shape>(fit), digest);
      comparison.table = table;
      comparison.seq = seq;
      walks.tell(std::move(comparison));
      co_return std::nullopt;
    }
    if (const auto* shape = std::get_if<Shape>(&fit)) {
      co_await walk_by(connection, shapes.rights(), walks, *shape, digest);
    } else {
      const Mismatch& mismatch = std::get<Mismatch>(fit);
      if (!co_await leave_out(connection, shapes, walks, change, digest, mismatch))
        refusal = Refusal{{mismatch.reason, mismatch.hint, {}}, false};
    }
  } catch (const Error& error) {
    if (passes_by_itself(error) || error.sqlstate().empty()) throw;
    refusal = Refusal{held_by("rows of table " + table + " that are compared", error), false};
  }
  if (refusal) co_await roll_back(connection);
  co_return refusal;
}

}  // namespace tributary
