#include "apply/careful.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "apply/extra_rows.h"
#include "apply/known_keys.h"
#include "apply/made_way.h"
#include "apply/net_group.h"
#include "apply/refreshed_chunk.h"
#include "apply/refreshed_keys.h"
#include "apply/shape_trouble.h"
#include "apply/stale_keys.h"
#include "base/failpoint.h"
#include "base/hash.h"

namespace tributary {
namespace {

constexpr size_t kBlockChanges = 500;

// Over the key's values: tells rows apart in a message without saying what the key is.
std::string key_hash(const Shape& shape, const std::vector<Value>& values) {
  uint64_t hash = kHashSeed;
  for (const size_t column : shape.key) hash = hash_of(std::string_view("\0", 1), hash_of(values[column].text, hash));
  char text[20];
  std::snprintf(text, sizeof text, "%016" PRIx64, hash);
  return text;
}

// One change as it goes into the pipeline.
struct Write {
  const Shape* shape = nullptr;
  ChangeKind kind = ChangeKind::put;
  std::vector<Value> values;
  std::string key;                      // change/chunk.h
  size_t patch_place = 0;               // of its statement, if it is a patch
  size_t ways_begin = 0, ways_end = 0;  // statements that make way for it

  std::string subject() const {
    if (!shape) return "what is noted of a table";
    if (kind == ChangeKind::clear) return "table " + shape->title;
    return "table " + shape->title + ", row with key hash " + key_hash(*shape, values);
  }
};

Refusal refuse(std::string reason, std::string hint) {
  return {{std::move(reason), std::move(hint), {}}, false};
}

// What is known of the child's tables, and changes with what is written.
struct Known {
  Walks& walks;
  const std::string& child;
  bool makes_way = false;
};

// What may be deleted for the sake of other rows' unique values; nullopt: nothing. A stale row is the child's, and is
// sent again.
std::optional<InTheWay> in_the_way(const Shape& shape, const Walks& walks) {
  if (shape.has_unsent_columns) return std::nullopt;
  const Walk& walk = walks.of(shape.title);
  InTheWay in_the_way;
  in_the_way.stale = walks.stale_keys(shape.title);
  if (may_make_way(shape)) {
    if (!walk.is_complete) in_the_way.behind = key_texts(shape, walk.walked_to);
    in_the_way.is_listed = walk.has_listed;
  }
  if (in_the_way.stale.empty() && !in_the_way.behind && !in_the_way.is_listed) return std::nullopt;
  return in_the_way;
}

// No trial can succeed: the value is nowhere in the stream.
constexpr char kBeginAnew[] =
    "Bring the child's rows over by hand, then delete the child's row from tributary.applied here; the child then "
    "begins a new stream.";

// Reads the change into `write` and adds its statements, or says why it has none.
std::optional<Refusal> add_write(StatementList& out, const GroupChange& change, const Shape& shape, const Known& known,
                                 Write& write) {
  write.shape = &shape;
  write.kind = change.kind;
  const auto& [walks, child, makes_way] = known;
  if (change.kind == ChangeKind::chunk || change.kind == ChangeKind::digest)
    throw Error(ErrorKind::protocol, "a chunk or a digest among other changes");
  if (change.kind == ChangeKind::clear) {
    if (!shape.may_clear)
      return refuse("table " + shape.title +
                        " was emptied (TRUNCATE) at the child, and which of the rows here are the "
                        "child's is not known",
                    "Give the child `owns` in [[child]], so that its rows are known; restart the agent. If the other "
                    "children that tributary.applied names are gone for good, delete their rows there instead.");
    add_clear(out, shape);
    add_forget_stale(out, walks, child, shape.title);
    return std::nullopt;
  }
  ByteReader in(change.tuple);
  read_tuple(in, write.values);
  if (write.values.size() != shape.columns.size() || !in.empty())
    throw Error(ErrorKind::protocol, "a row with another number of columns than its table");
  auto key = key_of(change.tuple, shape.key);
  if (!key) return refuse("table " + shape.title + ": a row came without the value of its key", kBeginAnew);
  write.key = std::move(*key);
  const auto becomes_stale = [&](const char* reason) {
    add_stale_key(out, walks, child, shape.title, write.key, reason);
    return std::nullopt;
  };
  if (change.kind == ChangeKind::stale) return becomes_stale("could not be sent whole by the child");

  const std::vector<RowValues> rows{write.values.data()};
  const bool is_whole = std::none_of(write.values.begin(), write.values.end(),
                                     [](const Value& value) { return value.kind == ValueKind::unchanged; });
  const Walk& walk = walks.of(shape.title);
  if (walk.has_listed) walks.set_outdated();
  if (change.kind == ChangeKind::patch && !is_whole) {
    if (walks.is_stale(shape.title, write.key)) return std::nullopt;
    write.ways_begin = out.size();
    if (makes_way && !walk.is_at_beginning())
      if (const auto ways = in_the_way(shape, walks))
        add_make_way(out, shape, rows, *ways, child, key_texts(shape, walk.walked_to));
    write.ways_end = out.size();
    write.patch_place = out.size();
    add_single_patch(out, shape, rows, walk);
    if (walk.has_listed) add_unlist(out, shape, rows, child);
    return std::nullopt;
  }
  if (change.kind == ChangeKind::remove) {
    // A row that goes is listed as it was.
    if (walk.has_listed) add_unlist(out, shape, rows, child);
    add_removes(out, shape, rows);
  } else if (is_whole) {
    write.kind = ChangeKind::put;
    write.ways_begin = out.size();
    if (makes_way)
      if (const auto ways = in_the_way(shape, walks)) add_make_way(out, shape, rows, *ways, child);
    write.ways_end = out.size();
    add_puts(out, shape, rows);
    if (walk.has_listed) add_unlist(out, shape, rows, child);
  } else {
    return becomes_stale("came without one of its large values");
  }
  add_healed_key(out, walks, child, shape.title, write.key);
  return std::nullopt;
}

void note_way(MadeWay& made_way, const Write& write, const PipelineResult& result) {
  if (!write.shape) return;
  for (size_t i = write.ways_begin; i < write.ways_end; ++i) made_way.add(*write.shape, result.results[i]);
  if (write.kind == ChangeKind::put) made_way.put(*write.shape, write.values.data());
}

Refusal refusal_of(const Error& error, const Write& write, const Walks& walks) {
  const bool is_taken_value = error.sqlstate() == "23505";
  return {held_by(write.subject(), error), is_taken_value,
          is_taken_value && write.shape && in_the_way(*write.shape, walks)};
}

// Why a statement that did not fail answered something else than expected.
Refusal explain(const Write& write) {
  const std::string& owns = write.shape->owns;
  if (owns.empty())
    return refuse(write.subject() + " was not written: a trigger or rule here suppresses it, or it is missing",
                  "Change the trigger or rule of the table here.");
  return refuse(write.subject() +
                    " is not the child's to write: the row, as it was or as it would be, does not meet `owns` (" +
                    owns + ")",
                "If the child may write it, change `owns` in [[child]] and restart the agent, or the row here; the "
                "transaction is tried again by itself.");
}

// Some changes that go to the database together, in their order.
struct Block {
  std::span<const GroupChange> changes;
  StatementList list;
  std::vector<Write> writes;    // of the changes
  std::vector<size_t> written;  // the change of each statement
};

// Adds the changes' statements, up to one that has none for the reason returned.
Task<std::optional<Refusal>> fill(Connection& connection, Shapes& shapes, const Known& known, Block& block) {
  std::optional<Refusal> refusal;
  for (size_t i = 0; i < block.changes.size() && !refusal; ++i) {
    const GroupChange& change = block.changes[i];
    const Fit* fit = co_await shapes.find(connection, change.shape_id);
    if (const auto* shape = std::get_if<Shape>(fit)) {
      add_fitting(block.list, known.walks, known.child, *shape);
      refusal = add_write(block.list, change, *shape, known, block.writes[i]);
    } else {
      const Mismatch& mismatch = std::get<Mismatch>(*fit);
      if (mismatch.is_of_rights)
        refusal = refuse(mismatch.reason, mismatch.hint);
      else
        add_left_out(block.list, shapes, known.walks, change, mismatch);
    }
    block.written.resize(block.list.size(), i);
  }
  co_return refusal;
}

Task<std::optional<Refusal>> write_block(Connection& connection, const Known& known, const Block& block,
                                         MadeWay& made_way) {
  const PipelineResult result = co_await run(connection, block.list);
  StatementList stale;
  for (auto failed = block.list.first_unexpected(result); failed;
       failed = block.list.first_unexpected(result, *failed + 1)) {
    const Write& write = block.writes[block.written[*failed]];
    if (*failed == result.results.size()) co_return refusal_of(*result.error, write, known.walks);
    const bool is_patch = write.kind == ChangeKind::patch && *failed == write.patch_place;
    if (!is_patch || !is_missing(result.results[*failed])) co_return explain(write);
    add_stale_key(stale, known.walks, known.child, write.shape->title, write.key,
                  "was updated in part, but is missing here");
  }
  if (known.makes_way)
    for (const Write& write : block.writes) note_way(made_way, write, result);
  const std::map<std::string, uint64_t> left_out = block.list.left_alone(result);
  add_left_out(stale, known.child, left_out);
  known.walks.add_left_out(left_out);
  if (stale.size() == 0) co_return std::nullopt;
  const PipelineResult noted = co_await run(connection, stale);
  if (noted.error) co_return Refusal{held_by("the list of stale rows", *noted.error), false};
  co_return std::nullopt;
}

Task<> run_all(Connection& connection, const StatementList& list) {
  if (list.size() == 0) co_return;
  const PipelineResult result = co_await run(connection, list);
  if (result.error) throw *result.error;
}

// A chunk of a table that does not fit. False: of a table without rows, which fits, or that the child may not write.
Task<bool> leave_out_chunk(Connection& connection, Shapes& shapes, Walks& walks, const GroupChange& change,
                           const Mismatch& mismatch) {
  const Relation& relation = shapes.relation(change.shape_id);
  const ChunkView chunk = parse_chunk(change.tuple);
  const Walk walk = walks.of(relation.full_name());
  if (!chunk.is_key_set && chunk.rows.empty() && walk.reason.empty() && co_await is_empty_here(connection, relation))
    co_return false;
  if (mismatch.is_of_rights) co_return false;
  StatementList list;
  add_left_out(list, shapes, walks, change, mismatch);
  co_await run_all(connection, list);
  co_return true;
}

Task<std::optional<Refusal>> write_any_chunk(Connection& connection, Shapes& shapes, const Known& known,
                                             const GroupChange& change) {
  const auto& [walks, child, makes_way] = known;
  const Fit* fit = co_await shapes.find(connection, change.shape_id);
  const auto* shape = std::get_if<Shape>(fit);
  if (!shape) {
    if (co_await leave_out_chunk(connection, shapes, walks, change, std::get<Mismatch>(*fit))) co_return std::nullopt;
    co_return co_await write_chunk(connection, shapes, walks, change, makes_way);
  }
  StatementList list;
  add_fitting(list, walks, child, *shape);
  co_await run_all(connection, list);
  const ChunkView chunk = parse_chunk(change.tuple);
  std::optional<Refusal> refusal;
  if (chunk.is_key_set)
    refusal = co_await write_key_set(connection, walks, child, *shape, chunk, makes_way);
  else
    refusal = co_await write_chunk(connection, shapes, walks, change, makes_way);
  if (!refusal) co_await heal_by_chunk(connection, walks, child, *shape, chunk);
  co_return refusal;
}

// What the server says is a refusal, unless it passes by itself.
Task<std::optional<Refusal>> try_chunk(Connection& connection, Shapes& shapes, const Known& known,
                                       const GroupChange& change) {
  try {
    co_return co_await write_any_chunk(connection, shapes, known, change);
  } catch (const Error& error) {
    if (passes_by_itself(error) || error.sqlstate().empty()) throw;
    co_return Refusal{held_by("a refresh of table " + shapes.relation(change.shape_id).full_name(), error), false};
  }
}

}  // namespace

Task<std::optional<Refusal>> write_in_order(Connection& connection, Shapes& shapes, Walks& walks,
                                            std::span<const GroupChange> changes, bool makes_way) {
  const Known known{walks, shapes.rights().child.name, makes_way};
  if (changes.size() == 1 && changes.front().kind == ChangeKind::chunk) {
    auto refusal = co_await try_chunk(connection, shapes, known, changes.front());
    if (refusal) co_await roll_back(connection);
    co_return refusal;
  }
  MadeWay made_way;
  while (!changes.empty()) {
    Block block;
    block.changes = changes.first(std::min(changes.size(), kBlockChanges));
    block.writes.resize(block.changes.size());
    changes = changes.subspan(block.changes.size());
    std::optional<Refusal> refusal = co_await fill(connection, shapes, known, block);
    if (block.list.size() > 0)
      if (auto refused = co_await write_block(connection, known, block, made_way)) refusal = std::move(refused);
    if (refusal) {
      co_await roll_back(connection);
      co_return refusal;
    }
    failpoint("in_apply_group");
  }
  auto refusal = co_await made_way.count(connection, shapes.rights(), walks);
  if (refusal) co_await roll_back(connection);
  co_return refusal;
}

Task<bool> write_by_replacing(Connection& connection, Shapes& shapes, Walks& walks,
                              std::span<const GroupChange> changes) {
  NetGroup net;
  bool is_possible = true;
  for (const GroupChange& change : changes) {
    const Fit* fit = co_await shapes.find(connection, change.shape_id);
    const auto* shape = std::get_if<Shape>(fit);
    is_possible = shape && net.has_room_for(change.shape_id, *shape) && net.add(change, *shape);
    if (!is_possible) break;
  }
  is_possible = is_possible && !net.has_listed(walks);
  if (is_possible) {
    StatementList list;
    is_possible = net.add_replacing_statements(list);
    if (is_possible && list.size() > 0) {
      const PipelineResult written = co_await run(connection, list);
      is_possible = !list.first_unexpected(written);
      StatementList counted;
      const std::map<std::string, uint64_t> left_out = list.left_alone(written);
      add_left_out(counted, shapes.rights().child.name, left_out);
      if (is_possible && counted.size() > 0) is_possible = !counted.first_unexpected(co_await run(connection, counted));
      if (is_possible) walks.add_left_out(left_out);
    }
  }
  if (!is_possible) co_await roll_back(connection);
  co_return is_possible;
}

}  // namespace tributary
