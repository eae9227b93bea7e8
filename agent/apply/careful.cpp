#include "apply/careful.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "apply/net_group.h"
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

  std::string subject() const {
    if (kind == ChangeKind::clear) return "table " + shape->title;
    return "table " + shape->title + ", row with key hash " + key_hash(*shape, values);
  }
};

Refusal refuse(std::string reason, std::string hint) {
  return {{std::move(reason), std::move(hint), {}}, false};
}

constexpr char kBringOver[] = "Bring the row over by hand; the transaction is tried again by itself.";
// No trial can succeed: the value is nowhere in the stream.
constexpr char kBeginAnew[] =
    "Bring the child's rows over by hand, then delete the child's row from tributary.applied here; the child then "
    "begins a new stream.";

// Reads the change into `write` and adds its statement, or says why it has none.
std::optional<Refusal> add_write(StatementList& out, const GroupChange& change, const Shape& shape, Write& write) {
  write.shape = &shape;
  write.kind = change.kind;
  if (change.kind == ChangeKind::clear) {
    if (!shape.may_clear)
      return refuse("table " + shape.title +
                        " was emptied (TRUNCATE) at the child, and which of the rows here are the "
                        "child's is not known",
                    "Give the child `owns` in [[child]], so that its rows are known; restart the agent.");
    add_clear(out, shape);
    return std::nullopt;
  }
  ByteReader in(change.tuple);
  read_tuple(in, write.values);
  if (write.values.size() != shape.columns.size() || !in.empty())
    throw Error(ErrorKind::protocol, "a row with another number of columns than its table");
  for (const size_t column : shape.key)
    if (write.values[column].kind != ValueKind::text)
      return refuse("table " + shape.title + ": a row came without the value of its key", kBeginAnew);
  if (change.kind == ChangeKind::stale)
    return refuse(write.subject() + " could not be sent whole by the child", kBeginAnew);

  const std::vector<RowValues> rows{write.values.data()};
  const bool is_whole = std::none_of(write.values.begin(), write.values.end(),
                                     [](const Value& value) { return value.kind == ValueKind::unchanged; });
  if (change.kind == ChangeKind::remove) {
    add_removes(out, shape, rows);
  } else if (is_whole) {
    write.kind = ChangeKind::put;
    add_puts(out, shape, rows);
  } else if (change.kind == ChangeKind::patch) {
    add_patches(out, shape, rows);
  } else {
    return refuse(write.subject() + " came without one of its large values", kBeginAnew);
  }
  return std::nullopt;
}

// Why a statement that did not fail answered something else than expected. The transaction is still open.
Task<Refusal> explain(Connection& connection, const Write& write, bool is_transaction_alive) {
  const std::string& owns = write.shape->owns;
  if (write.kind == ChangeKind::patch && is_transaction_alive) {
    StatementList list;
    add_count(list, *write.shape, {write.values.data()});
    const PipelineResult result = co_await run(connection, list);
    if (list.first_unexpected(result))
      co_return refuse(write.subject() + " was updated in part, but is missing here", kBringOver);
  }
  if (owns.empty())
    co_return refuse(write.subject() + " was not written: a trigger or rule here suppresses it, or it is missing",
                     "Change the trigger or rule of the table here.");
  co_return refuse(write.subject() +
                       " is not the child's to write: the row, as it was or as it would be, does not meet `owns` (" +
                       owns + ")",
                   "If the child may write it, change `owns` in [[child]] and restart the agent, or the row here; the "
                   "transaction is tried again by itself.");
}

}  // namespace

Task<std::optional<Refusal>> write_in_order(Connection& connection, Shapes& shapes,
                                            std::span<const GroupChange> changes) {
  while (!changes.empty()) {
    const auto block = changes.first(std::min(changes.size(), kBlockChanges));
    changes = changes.subspan(block.size());
    StatementList list;
    std::vector<Write> writes(block.size());
    std::optional<Refusal> refusal;
    for (size_t i = 0; i < block.size() && !refusal; ++i) {
      const Fit* fit = co_await shapes.find(connection, block[i].shape_id);
      if (const auto* mismatch = std::get_if<Mismatch>(fit))
        refusal = refuse(mismatch->reason, mismatch->hint);
      else
        refusal = add_write(list, block[i], std::get<Shape>(*fit), writes[i]);
    }
    if (list.size() > 0) {
      const PipelineResult result = co_await run(connection, list);
      if (const auto failed = list.first_unexpected(result)) {
        const Write& write = writes[*failed];
        if (result.error && *failed == result.results.size())
          refusal = Refusal{held_by(write.subject(), *result.error), result.error->sqlstate() == "23505"};
        else
          refusal = co_await explain(connection, write, !result.error);
      }
    }
    if (refusal) {
      co_await roll_back(connection);
      co_return refusal;
    }
    failpoint("in_apply_group");
  }
  co_return std::nullopt;
}

Task<bool> write_by_replacing(Connection& connection, Shapes& shapes, std::span<const GroupChange> changes) {
  NetGroup net;
  bool is_possible = true;
  for (const GroupChange& change : changes) {
    const Fit* fit = co_await shapes.find(connection, change.shape_id);
    const auto* shape = std::get_if<Shape>(fit);
    is_possible = shape && net.has_room_for(change.shape_id, *shape) && net.add(change, *shape);
    if (!is_possible) break;
  }
  if (is_possible) {
    StatementList list;
    is_possible = net.add_replacing_statements(list);
    if (is_possible && list.size() > 0) is_possible = !list.first_unexpected(co_await run(connection, list));
  }
  if (!is_possible) co_await roll_back(connection);
  co_return is_possible;
}

}  // namespace tributary
