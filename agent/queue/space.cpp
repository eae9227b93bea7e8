// The queue's disk space: bounds, the way out of a full disk, and giving space back.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "config/quantities.h"
#include "queue/state.h"

namespace tributary {
namespace {

constexpr size_t kRowsPerDeletion = 64;
constexpr size_t kAllDeletions = std::numeric_limits<size_t>::max();
constexpr size_t kDeletionsPerCall = 8;
constexpr uint64_t kShrinkFrom = 64ULL << 20;
constexpr uint64_t kLogBytes = 8 << 20;  // twice what is checkpointed at once
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kLogBytesMax = 256ULL << 20;
constexpr int64_t kFileCareInterval = 60'000'000;  // microseconds

uint64_t size_of(const std::string& path) {
  struct stat about {};
  return stat(path.c_str(), &about) == 0 ? static_cast<uint64_t>(about.st_size) : 0;
}

}  // namespace

uint64_t Queue::State::disk_free_bytes() const {
  struct statvfs about {};
  if (statvfs(config.path.c_str(), &about) != 0) return std::numeric_limits<uint64_t>::max();
  return static_cast<uint64_t>(about.f_bavail) * about.f_frsize;
}

void Queue::State::require_room(uint64_t bytes) {
  if (live_bytes + bytes > config.bytes_max)
    free_rows(acknowledged_id, config.bytes_max - std::min(bytes, config.bytes_max));
  if (live_bytes + bytes > config.bytes_max)
    throw Error(ErrorKind::resource,
                "the queue is full: " + format_size(live_bytes) + " wait for the parent, " + format_size(bytes) +
                    " more would pass [queue] max_bytes = " + format_size(config.bytes_max),
                "bring the link to the parent back, or raise [queue] max_bytes");

  // Pages that are free inside the file take no space of the disk. The factor covers pages that are partly filled.
  const auto fits_in_file = [&] { return read([&] { return writer->free_bytes(); }) > 2 * bytes; };
  if (const uint64_t free = disk_free_bytes(); free < config.free_disk_min && !fits_in_file()) {
    free_rows(acknowledged_id, 0);
    if (!fits_in_file())
      throw Error(ErrorKind::resource,
                  "the queue may not grow: the disk of " + config.path + " has " + format_size(free) +
                      " free, less than [queue] min_free_disk = " + format_size(config.free_disk_min),
                  "make room on that disk, or lower [queue] min_free_disk");
  }
  if (!ballast.make()) make_room(true);
}

void Queue::State::make_room(bool needs_ballast) {
  ballast.release();
  try {
    trim(acknowledged_id, 0, kAllDeletions);
    writer->checkpoint();
    // Pages that are free inside the file do not help the write-ahead log, which needs space of the disk.
    if (writer->free_bytes() > writer->file_bytes() / 2) {
      writer->database().exec("VACUUM");
      writer->checkpoint();
    }
  } catch (const SQLite::Exception&) {
    // The disk is still full: the write that needed the room says so.
  }
  if (!ballast.make() && needs_ballast)
    throw Error(ErrorKind::resource, "the disk of the queue " + config.path + " is full",
                "make room on that disk: nothing is lost, PostgreSQL keeps what the queue cannot take");
}

void Queue::State::free_rows(int64_t last_row, uint64_t bytes_max) {
  try {
    trim(last_row, bytes_max, kAllDeletions);
  } catch (const SQLite::Exception& failure) {
    if (!says_full(writer->database(), failure)) fail(failure);
    make_room(true);
  }
}

void Queue::State::trim(int64_t last_row, uint64_t bytes_max, size_t deletions_max) {
  for (size_t done = 0; done < deletions_max && trimmed_id < last_row && live_bytes > bytes_max; ++done) {
    SQLite::Transaction transaction(writer->database(), SQLite::TransactionBehavior::IMMEDIATE);
    const BatchSums removed = writer->remove(0, last_row, kRowsPerDeletion);
    const auto rest = writer->rows_after(0, last_row, 1, 0);
    const int64_t oldest = rest.empty() ? last_row : rest.front().id - 1;
    writer->forget_acknowledgements_before(oldest);
    writer->set_state(stored);
    transaction.commit();
    trimmed_id = oldest;
    const std::lock_guard guard(memory_mutex);
    live_bytes -= removed.bytes;
  }
}

void Queue::State::trim_acknowledged() {
  const bool is_short = !ballast.is_made() || disk_free_bytes() < config.free_disk_min;
  const int64_t keep = std::chrono::duration_cast<std::chrono::microseconds>(config.keep).count();
  try {
    // A few at a time, so that capture never waits long; the next acknowledgement goes on.
    trim(is_short ? acknowledged_id : writer->acknowledged_id_before(options.now() - keep), 0, kDeletionsPerCall);
    shrink_file();
  } catch (const SQLite::Exception& failure) {
    if (!says_full(writer->database(), failure)) fail(failure);
    make_room(false);
  }
}

void Queue::State::shrink_file() {
  const uint64_t file = writer->file_bytes(), live = file - writer->free_bytes();
  if (file <= kShrinkFrom || live >= file / 10 || is_early(options.now(), file_care_after, kFileCareInterval)) return;
  file_care_after = options.now() + kFileCareInterval;
  writer->database().exec("VACUUM");
  writer->checkpoint();
  grow_log();
}

// A commit that makes the write-ahead log longer waits for the file system's own journal too, some milliseconds on a
// disk; one that overwrites it waits for its bytes alone. SQLite takes zeros behind its last commit for the log's end.
// Where there is no space for that, the log grows by itself.
void Queue::State::grow_log() {
  const std::string path = config.path + "-wal";
  const uint64_t size = size_of(path);
  if (size >= kLogBytes || disk_free_bytes() < config.free_disk_min + kLogBytes) return;
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  // Page by page: a file written in large pieces is cached, and counted and written again, in large pieces.
  const std::string zeros(kPageBytes, '\0');
  bool is_grown = true;
  for (uint64_t at = size; is_grown && at < kLogBytes; at += kPageBytes - at % kPageBytes)
    is_grown = pwrite(file, zeros.data(), kPageBytes - at % kPageBytes, static_cast<off_t>(at)) > 0;
  is_grown = is_grown && fdatasync(file) == 0;
  [[maybe_unused]] const int undone = is_grown ? 0 : ftruncate(file, static_cast<off_t>(size));
  close(file);
}

void Queue::State::keep_log_small() {
  if (size_of(config.path + "-wal") <= kLogBytesMax || is_early(options.now(), file_care_after, kFileCareInterval))
    return;
  file_care_after = options.now() + kFileCareInterval;
  writer->checkpoint();
  grow_log();
}

}  // namespace tributary
