#include "apply/group.h"

#include <algorithm>

#include "change/chunk.h"
#include "change/compression.h"

namespace tributary {
namespace {

// More than any child sends in one batch; a payload that claims more is not unpacked.
constexpr uint64_t kRawBytesMax = 1ULL << 30;

std::string_view unpack_payload(const Batch& batch, Group& group) {
  if (batch.raw_bytes > kRawBytesMax) throw Error(ErrorKind::protocol, "a batch larger than a batch may be");
  return group.payloads.emplace_back(decompress(batch.payload, batch.raw_bytes));
}

GroupChange change_of(const ChangeView& view, const Batch& batch) {
  if (view.relation >= batch.relations.size())
    throw Error(ErrorKind::protocol, "a change of a table that its batch does not list");
  return {view.kind, batch.relations[view.relation], view.tuple};
}

// The changes of one batch, counted while they are read: a payload of many tiny ones unpacks to much more memory than
// its batch announced.
class ChangeCount {
 public:
  explicit ChangeCount(const Batch& batch) : left_(batch.changes) {}
  void take_one() {
    if (left_-- == 0) throw Error(ErrorKind::protocol, "a batch with more changes than it says");
  }

 private:
  uint64_t left_;
};

// What a refresh places in the stream is the only change of its transaction.
class LonelyChange {
 public:
  void take(ChangeKind kind) {
    ++changes_;
    is_alone_ |= kind == ChangeKind::chunk || kind == ChangeKind::digest;
    if (is_alone_ && changes_ > 1) throw Error(ErrorKind::protocol, "a chunk or a digest among other changes");
  }
  void end() {
    changes_ = 0;
    is_alone_ = false;
  }

 private:
  size_t changes_ = 0;
  bool is_alone_ = false;
};

}  // namespace

void GroupReader::add(const Batch& batch) {
  PayloadReader in(unpack_payload(batch, group_));
  ChangeCount count(batch);
  LonelyChange alone;
  Position position = batch.from;
  is_found_ |= position == applied_;
  while (!in.at_end()) {
    const Record record = in.next();
    if (const auto* change = std::get_if<ChangeView>(&record)) {
      count.take_one();
      alone.take(change->kind);
      if (is_found_) group_.changes.push_back(change_of(*change, batch));
      continue;
    }
    alone.end();
    const auto& commit = std::get<Commit>(record);
    if (position.seq == batch.to.seq)
      throw Error(ErrorKind::protocol, "a batch that goes on behind the position it names");
    position = advance(position, commit);
    if (is_found_) group_.transactions.push_back({group_.changes.size(), commit, position});
    is_found_ |= position == applied_;
  }
  if (position != batch.to) throw Error(ErrorKind::protocol, "a batch that does not reach the position it names");
  if (group_.changes.size() != (group_.transactions.empty() ? 0 : group_.transactions.back().end))
    throw Error(ErrorKind::protocol, "a batch that ends within a transaction");
}

const Group& GroupReader::whole() const {
  if (!is_found_)
    throw Error(ErrorKind::protocol,
                "the applied position " + applied_.to_string() + " is not in the batches received");
  return group_;
}

bool is_applied_alone(const GroupChange& change) {
  return change.kind == ChangeKind::digest || (change.kind == ChangeKind::chunk && is_key_set(change.tuple));
}

void cut_at_lonely(Group& group) {
  const auto is_lonely = [&](const GroupTransaction& transaction) {
    return transaction.end > 0 && is_applied_alone(group.changes[transaction.end - 1]);
  };
  const auto lonely = std::find_if(group.transactions.begin(), group.transactions.end(), is_lonely);
  if (lonely == group.transactions.end()) return;
  group.transactions.erase(lonely == group.transactions.begin() ? lonely + 1 : lonely, group.transactions.end());
  group.changes.resize(group.transactions.back().end);
}

Group unpack_part(const Batch& part) {
  Group group;
  PayloadReader in(unpack_payload(part, group));
  ChangeCount count(part);
  while (!in.at_end()) {
    const Record record = in.next();
    if (!group.transactions.empty())
      throw Error(ErrorKind::protocol, "a part that goes on after its transaction's end");
    if (const auto* change = std::get_if<ChangeView>(&record)) {
      count.take_one();
      if (change->kind == ChangeKind::digest || change->kind == ChangeKind::chunk)
        throw Error(ErrorKind::protocol, "a chunk or a digest in a large transaction");
      group.changes.push_back(change_of(*change, part));
    } else {
      const auto& commit = std::get<Commit>(record);
      group.transactions.push_back({group.changes.size(), commit, advance(part.from, commit)});
    }
  }
  if (part.is_last_part != !group.transactions.empty() ||
      (part.is_last_part && group.transactions.back().position != part.to))
    throw Error(ErrorKind::protocol, "a part that does not reach the position it names");
  return group;
}

}  // namespace tributary
