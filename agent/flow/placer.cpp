#include "flow/placer.h"

#include "base/failpoint.h"

namespace tributary {
namespace {

std::vector<size_t> key_places(const Relation& relation) {
  std::vector<size_t> places;
  for (size_t i = 0; i < relation.columns.size(); ++i)
    if (relation.columns[i].is_key) places.push_back(i);
  return places;
}

}  // namespace

Task<> Placer::start(ChunkReader& reader) {
  while (!is_started_) {
    stop();
    const uint64_t stops = stops_;
    pending_.start();
    if (assembler_.is_in_transaction()) pending_.begin(xid_, false);
    assembler_.watch([this](const CapturedTable& table, ChangeKind kind, std::string_view tuple) {
      pending_.change(table.oid, kind, tuple, key_places(table.sent));
    });
    const ChunkReader::Beginning beginning = co_await reader.begin();
    if (stops != stops_) continue;  // stopped meanwhile: what has come since is known to nobody
    pending_.set_earlier(beginning.snapshot, beginning.own_xid);
    is_started_ = true;
  }
}

void Placer::stop() {
  ++stops_;
  is_started_ = false;
  pending_.stop();
  assembler_.watch({});
  lose_all();
}

void Placer::lose_all() {
  for (const PlacingPtr& placing : under_way_) placing->state = Placing::State::lost;
  under_way_.clear();
  changed_.notify();
}

Task<PlacingPtr> Placer::place(ChunkReader& reader, Placing read) {
  if (under_way_.empty()) pending_.prune(read.chunk.snapshot);
  if (pending_.waits_for_earlier(read.chunk.snapshot)) co_return nullptr;
  auto placing = std::make_shared<Placing>(std::move(read));
  placing->number = ++last_number_;
  under_way_.push_back(placing);
  failpoint("before_mark");
  try {
    co_await reader.mark(nonce_ + " " + std::to_string(placing->number));
  } catch (const Error&) {
    lose_all();  // its mark may never come
    throw;
  }
  co_return placing;
}

Task<> Placer::prune(ChunkReader& reader) {
  const Snapshot snapshot = co_await reader.snapshot();
  if (under_way_.empty()) pending_.prune(snapshot);
}

void Placer::begin(uint32_t xid) {
  xid_ = xid;
  at_hand_.reset();
  pending_.begin(xid, !assembler_.is_skipping());
}

// What was read under another shape, or before it, cannot be told from what comes under this one.
void Placer::relation(uint32_t oid) {
  for (const PlacingPtr& placing : under_way_)
    if (placing->table->oid == oid && assembler_.table(oid) && assembler_.table(oid)->sent != placing->table->relation)
      return lose_all();
}

void Placer::message(const LogicalMessage& message) {
  if (!message.is_transactional || message.prefix != kMarkPrefix || under_way_.empty() || assembler_.is_skipping())
    return;
  const PlacingPtr placing = under_way_.front();
  if (message.content != nonce_ + " " + std::to_string(placing->number)) return;
  // The next ones follow upon this one.
  if (!put(*placing)) return lose_all();
  under_way_.pop_front();
  at_hand_ = placing;
  if (!under_way_.empty()) pending_.prune(under_way_.front()->chunk.snapshot);
}

bool Placer::put(Placing& placing) {
  const ChunkTable& table = *placing.table;
  if (assembler_.is_left_out(table.relation.full_name())) return false;
  std::string body;
  size_t rows = 0;
  try {
    const auto window = pending_.window(table.oid, placing.chunk.snapshot);
    if (!window) return false;
    for (const auto& [key, change] : *window)
      if (change.last == WindowKey::Last::settled || placing.is_inspection) placing.settled.insert(key);
    if (placing.is_inspection) {
      body = inspection_of(placing.chunk, *window, placing.wants_values);
    } else if (placing.digest) {
      auto digest = placed_digest(placing.chunk, *window, *placing.digest);
      if (!digest) return false;
      body = std::move(digest->body);
      placing.placed = std::move(*digest);
    } else {
      body = placed_chunk(placing.chunk, *window, placing.may_delete_extra, placing.keeps_extra);
      rows = placing.chunk.rows.size();
    }
  } catch (const Error&) {
    return false;  // the stream brought a row under another shape
  }
  assembler_.refresh(placing.digest || placing.is_inspection ? ChangeKind::digest : ChangeKind::chunk, table.relation,
                     body, rows);
  return true;
}

void Placer::commit() {
  pending_.commit();
  if (!at_hand_) return;
  at_hand_->seq = assembler_.head().seq;
  at_hand_->state = Placing::State::placed;
  at_hand_.reset();
  changed_.notify();
}

}  // namespace tributary
