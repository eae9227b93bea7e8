#include "queue/queue.h"

#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "change/compression.h"
#include "queue/repack.h"
#include "queue/state.h"

namespace tributary {
namespace {

// Throws Error(internal) unless `batch` may stand after `head` and, when a transaction is coming in by parts, is its
// next part. Sets both to what holds after it.
void follow(const Batch& batch, Position& head, uint32_t& next_part) {
  const bool is_part_of_many = batch.part != 0 || !batch.is_last_part;
  const bool follows = batch.kind == BatchKind::changes && batch.from == head && batch.part == next_part;
  const bool reaches = batch.is_last_part ? batch.to.stream == head.stream && batch.to.seq > head.seq &&
                                                (!is_part_of_many || batch.to.seq == head.seq + 1)
                                          : batch.to == head;
  if (head.is_nil() || !follows || !reaches)
    throw Error(ErrorKind::internal, "a batch from " + batch.from.to_string() + " to " + batch.to.to_string() +
                                         ", part " + std::to_string(batch.part) +
                                         ", does not follow the queue's head " + head.to_string() + ", part " +
                                         std::to_string(next_part));
  head = batch.to;
  next_part = batch.is_last_part ? 0 : batch.part + 1;
}

}  // namespace

Queue::Queue(const QueueConfig& config) : Queue(config, Options()) {}
Queue::Queue(const QueueConfig& config, Options options)
    : state_(std::make_unique<State>(config, std::move(options))) {}
Queue::~Queue() = default;

bool Queue::is_damaged() const {
  return state_->is_damaged;
}

void Queue::set_limits(const QueueConfig& config) {
  const std::lock_guard guard(state_->write_mutex);
  QueueConfig& ours = state_->config;
  ours.bytes_max = config.bytes_max;
  ours.free_disk_min = config.free_disk_min;
  ours.keep = config.keep;
}

Uuid Queue::instance() const {
  return state_->stored.instance;
}

StreamRecord Queue::stream_record() {
  const std::lock_guard writing(state_->write_mutex);
  StreamRecord record = state_->read([&] { return state_->writer->stream_record(); });
  record.confirm_lsn = state_->stored.confirm_lsn;
  record.last_commit = state_->stored.last_commit;
  return record;
}

void Queue::store_stream_record(const StreamRecord& record) {
  State& state = *state_;
  const std::lock_guard writing(state.write_mutex);
  StoreState after = state.stored;
  after.confirm_lsn = record.confirm_lsn;
  after.last_commit = record.last_commit;
  state.write(*state.writer, false, [&] {
    state.writer->set_stream_record(record);
    state.writer->set_state(after);
  });
  state.remember(after);
}

void Queue::append(const Append& append) {
  std::vector<std::string> payloads;
  uint64_t bytes = 0;
  for (const Batch& batch : append.batches) bytes += payloads.emplace_back(compress(batch.payload)).size();

  State& state = *state_;
  bool is_more_to_send = false;
  {
    const std::lock_guard writing(state.write_mutex);
    StoreState after = state.stored;
    uint32_t next_part = state.next_part;
    const int64_t first_id = after.last_id + 1;
    for (const Batch& batch : append.batches) {
      follow(batch, after.head, next_part);
      ++after.last_id;
      if (batch.is_last_part) after.complete_id = after.last_id;
    }
    after.confirm_lsn = std::max(after.confirm_lsn, append.confirm_lsn);
    if (append.last_commit) after.last_commit = append.last_commit;
    if (!append.batches.empty()) state.require_room(bytes);

    std::vector<const Relation*> new_shapes;
    for (const Relation& relation : append.relations) {
      const auto latest = state.latest_shapes.find(relation.full_name());
      if (latest == state.latest_shapes.end() || latest->second != relation.shape_id()) new_shapes.push_back(&relation);
    }

    state.write(*state.writer, true, [&] {
      for (const Relation* relation : new_shapes) state.writer->insert_relation(*relation);
      for (size_t i = 0; i < append.batches.size(); ++i) {
        const int64_t id = first_id + static_cast<int64_t>(i);
        state.writer->insert(id, append.batches[i], payloads[i], id == after.last_id ? &after : nullptr);
      }
      if (append.batches.empty()) state.writer->set_state(after);
      for (const auto& [name, bytes_of_note] : append.notes) state.writer->set_note(name, bytes_of_note);
    });

    state.next_part = next_part;
    is_more_to_send = after.complete_id != state.stored.complete_id;
    {
      const std::lock_guard guard(state.memory_mutex);
      for (const Relation* relation : new_shapes) state.keep_relation(*relation);
      state.stored = after;
      state.live_bytes += bytes;
      state.unapplied.bytes += bytes;
      state.unapplied.batches += append.batches.size();
      for (size_t i = 0; i < append.batches.size(); ++i) {
        state.recent.append(first_id + static_cast<int64_t>(i), append.batches[i]);
        if (state.oldest_commit_time == 0) state.oldest_commit_time = append.batches[i].first_commit_time;
      }
    }
    if (is_more_to_send) state.wake();
    state.read([&] { state.keep_log_small(); });
  }
}

void Queue::drop_incomplete() {
  const std::lock_guard writing(state_->write_mutex);
  state_->drop_incomplete();
}

void Queue::begin_stream(const Batch& batch, const StreamRecord& record, bool discard_unsent) {
  State& state = *state_;
  {
    const std::lock_guard writing(state.write_mutex);
    if (batch.kind != BatchKind::new_stream || batch.to.is_nil() || batch.to.seq != 0 ||
        record.stream != batch.to.stream || (!discard_unsent && batch.from != state.stored.head))
      throw Error(ErrorKind::internal, "a new stream to " + batch.to.to_string() + " after " + batch.from.to_string() +
                                           " cannot follow the queue's head " + state.stored.head.to_string());
    StoreState after = state.stored;
    after.head = batch.to;
    after.complete_id = ++after.last_id;
    after.confirm_lsn = record.confirm_lsn;
    after.last_commit = record.last_commit;
    state.write(*state.writer, false, [&] {
      state.writer->remove(discard_unsent ? 0 : state.stored.complete_id, std::numeric_limits<int64_t>::max(),
                           std::numeric_limits<int64_t>::max());
      state.writer->insert(after.last_id, batch, {}, &after);
      state.writer->set_state(after);
      state.writer->set_stream_record(record);
    });
    state.next_part = 0;
    state.remember(after);
    {
      const std::lock_guard guard(state.memory_mutex);
      state.recent.forget(after.last_id);
    }
    state.read([&] { state.count_anew(); });
  }
  state.wake();
}

std::string Queue::note(const std::string& name) {
  const std::lock_guard writing(state_->write_mutex);
  return state_->read([&] { return state_->writer->note(name); });
}

void Queue::store_note(const std::string& name, const std::string& bytes) {
  const std::lock_guard writing(state_->write_mutex);
  state_->write(*state_->writer, false, [&] { state_->writer->set_note(name, bytes); });
}

Position Queue::head() {
  const std::lock_guard guard(state_->memory_mutex);
  return state_->stored.head;
}

std::optional<Queue::Place> Queue::find(const Position& position) {
  State& state = *state_;
  const std::lock_guard reading(state.read_mutex);
  const StoreState stored = state.remembered();
  return state.read([&]() -> std::optional<Place> {
    SQLite::Transaction transaction(state.reader->database());
    std::optional<Located> located = state.reader->locate(position, stored);
    if (!located) return std::nullopt;
    if (!located->inside) return Place{located->after_id, std::nullopt};
    Batch& batch = located->inside->batch;
    batch.payload = state.reader->payload(located->inside->id);
    std::optional<Batch> rest = rest_after(batch, position);
    if (!rest) return std::nullopt;
    return Place{located->inside->id, std::move(rest)};
  });
}

std::vector<StoredBatch> Queue::read_after(int64_t id, size_t batches_max, uint64_t bytes_max) {
  State& state = *state_;
  const std::lock_guard reading(state.read_mutex);
  const StoreState stored = state.remembered();
  return state.read([&] {
    SQLite::Transaction transaction(state.reader->database());
    std::vector<StoredBatch> batches;
    for (BatchRow& row : state.reader->rows_after(id, stored.complete_id, batches_max, bytes_max)) {
      row.batch.payload = state.reader->payload(row.id);
      // SQLite does not notice other bytes in a large value.
      if (row.batch.kind == BatchKind::changes) decompress(row.batch.payload, row.batch.raw_bytes);
      batches.push_back({row.id, std::move(row.batch)});
    }
    return batches;
  });
}

std::optional<std::vector<StoredBatch>> Queue::read_recent(int64_t id) {
  const std::lock_guard guard(state_->memory_mutex);
  return state_->recent.after(id);
}

Relation Queue::relation(uint64_t shape_id) {
  const std::lock_guard guard(state_->memory_mutex);
  const auto found = state_->relations.find(shape_id);
  if (found == state_->relations.end()) throw Error(ErrorKind::internal, "the queue holds no such table shape");
  return found->second;
}

std::vector<Relation> Queue::latest_relations() {
  const std::lock_guard guard(state_->memory_mutex);
  std::vector<Relation> latest;
  for (const auto& [name, shape_id] : state_->latest_shapes) latest.push_back(state_->relations.at(shape_id));
  return latest;
}

void Queue::acknowledge(const Position& position) {
  State& state = *state_;
  const std::scoped_lock both(state.write_mutex, state.read_mutex);
  const std::optional<Located> located = state.read([&] { return state.reader->locate(position, state.stored); });
  if (!located)
    throw Error(ErrorKind::protocol, "the parent acknowledged " + position.to_string() + ", which is not in the queue");

  // The nil position is applied nowhere: it may take back, but nothing is let go of because of it.
  const int64_t before = state.acknowledged_id;
  const int64_t id = position.is_nil() ? std::min(located->after_id, before) : located->after_id;
  if (id != before || position != state.stored.applied) {
    StoreState after = state.stored;
    after.applied = position;
    const BatchSums done = state.read([&] { return state.reader->sums(before, id); });
    const int64_t oldest = state.read([&] { return state.reader->first_commit_time_after(id); });
    const BatchSums beyond = id >= before ? BatchSums{} : state.read([&] { return state.reader->sums(id, before); });
    const std::lock_guard guard(state.memory_mutex);
    state.stored = after;
    state.acknowledged_id = id;
    state.unapplied.batches += beyond.batches - done.batches;
    state.unapplied.bytes += beyond.bytes - done.bytes;
    state.oldest_commit_time = oldest;
  }
  state.store_acknowledgement();
  state.trim_acknowledged();
}

QueueStats Queue::stats() {
  QueueStats stats;
  {
    const std::lock_guard guard(state_->memory_mutex);
    stats.batches = state_->unapplied.batches;
    stats.bytes = state_->unapplied.bytes;
    stats.oldest_commit_time = state_->oldest_commit_time;
    stats.head = state_->stored.head;
    stats.applied = state_->stored.applied;
  }
  struct stat about {};
  if (stat(state_->config.path.c_str(), &about) == 0) stats.file_bytes = static_cast<uint64_t>(about.st_size);
  stats.disk_free_bytes = state_->disk_free_bytes();
  return stats;
}

void Queue::on_append(std::function<void()> callback) {
  const std::lock_guard guard(state_->callback_mutex);
  state_->on_append = std::move(callback);
}

}  // namespace tributary
