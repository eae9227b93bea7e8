#include "queue/state.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace tributary {
namespace {

constexpr int64_t kAcknowledgementInterval = 1'000'000;  // microseconds
constexpr int64_t kAllRows = std::numeric_limits<int64_t>::max();

const QueueConfig& with_directory(const QueueConfig& config) {
  const std::filesystem::path directory = std::filesystem::path(config.path).parent_path();
  if (!directory.empty() && mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw Error(
        ErrorKind::setup,
        "cannot make the directory of the queue, " + directory.string() + ": " + std::generic_category().message(errno),
        "make it, and let the agent's user own it");
  return config;
}

Queue::Options with_clock(Queue::Options options) {
  if (!options.now)
    options.now = [] {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    };
  return options;
}

}  // namespace

Queue::State::State(const QueueConfig& queue_config, Options queue_options)
    : config(with_directory(queue_config)),
      options(with_clock(std::move(queue_options))),
      lock(config.path + ".lock"),
      ballast(config.path + ".ballast", std::min(options.ballast_bytes, config.bytes_max / 8)) {
  read([&] {
    create_or_recognize(config.path);
    writer.emplace(config.path, Store::Durability::full, options.pages_max);
    // Acknowledgements need not wait for the disk: one that is lost only keeps batches longer.
    reader.emplace(config.path, Store::Durability::none, options.pages_max);
    stored = writer->state();
    recent.forget(stored.last_id);
    for (const Relation& relation : writer->relations()) keep_relation(relation);
    count_anew();
  });
  drop_incomplete();
  grow_log();
  ballast.make();  // on a full disk the queue still opens: what it holds can be sent
}

void Queue::State::fail(const SQLite::Exception& failure) {
  try {
    throw_as_error(config.path, failure);
  } catch (const QueueDamaged&) {
    is_damaged = true;
    throw;
  }
}

StoreState Queue::State::remembered() const {
  const std::lock_guard guard(memory_mutex);
  return stored;
}

void Queue::State::remember(const StoreState& state) {
  const std::lock_guard guard(memory_mutex);
  stored = state;
}

void Queue::State::wake() {
  const std::lock_guard guard(callback_mutex);
  if (on_append) on_append();
}

// Once a second is enough, and spares the disk: one that is lost only keeps batches longer.
void Queue::State::store_acknowledgement() {
  const int64_t now = options.now();
  if (acknowledged_id == stored_acknowledgement) return;
  if (acknowledged_id > stored_acknowledgement && is_early(now, acknowledgement_after, kAcknowledgementInterval))
    return;
  write(*reader, false, [&] {
    reader->acknowledge(acknowledged_id, now);
    reader->set_state(stored);
  });
  stored_acknowledgement = acknowledged_id;
  acknowledgement_after = now + kAcknowledgementInterval;
}

void Queue::State::count_anew() {
  const int64_t in_file = writer->acknowledged_id(), acknowledged = std::max(in_file, acknowledged_id);
  const BatchSums beyond = writer->sums(acknowledged, kAllRows), all = writer->sums(0, kAllRows);
  const int64_t oldest = writer->first_commit_time_after(acknowledged);
  const std::lock_guard guard(memory_mutex);
  acknowledged_id = acknowledged;
  stored_acknowledgement = in_file;
  unapplied = beyond;
  live_bytes = all.bytes;
  oldest_commit_time = oldest;
}

void Queue::State::drop_incomplete() {
  next_part = 0;
  if (read([&] { return writer->sums(stored.complete_id, kAllRows).batches; }) == 0) return;
  write(*writer, false, [&] {
    writer->remove(stored.complete_id, kAllRows, std::numeric_limits<int32_t>::max());
    writer->set_state(stored);
  });
  read([&] { count_anew(); });
}

void Queue::State::keep_relation(const Relation& relation) {
  const uint64_t shape_id = relation.shape_id();
  relations.try_emplace(shape_id, relation);
  latest_shapes[relation.full_name()] = shape_id;
}

}  // namespace tributary
