// A queue in a directory of its own, a clock that a test moves, and batches that follow one another.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "change/compression.h"
#include "change/payload.h"
#include "queue/queue.h"

namespace tributary {

class QueueTest : public testing::Test {
 protected:
  QueueTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "queue-test-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    config_.path = directory_ / "queue.db";
    config_.free_disk_min = 0;
    options_.ballast_bytes = 1 << 20;
    options_.now = [this] { return now_; };
  }
  ~QueueTest() override {
    queue_.reset();
    std::filesystem::remove_all(directory_);
  }

  Queue& open() {
    queue_.reset();
    queue_ = std::make_unique<Queue>(config_, options_);
    return *queue_;
  }
  // Opens a queue and begins its first stream.
  Queue& open_with_stream() {
    open();
    begin_stream(Position{}, false);
    return *queue_;
  }
  Position begin_stream(const Position& after, bool discard_unsent) {
    Batch batch;
    batch.kind = BatchKind::new_stream;
    batch.from = after;
    batch.to.stream = Uuid::random();
    batch.reason = "test";
    StreamRecord record = queue_->stream_record();
    record.stream = batch.to.stream;
    queue_->begin_stream(batch, record, discard_unsent);
    return batch.to;
  }

  // A batch of `count` transactions of one change each, which follows `from`. Its bytes do not compress.
  static Batch batch_after(const Position& from, int count, size_t change_bytes = 20) {
    Batch batch;
    batch.from = batch.to = from;
    batch.relations = {7};
    for (int i = 0; i < count; ++i) {
      add_change(batch, change_bytes);
      add_commit(batch);
    }
    return batch;
  }
  static Batch part_after(const Position& from, uint32_t part, bool is_last) {
    Batch batch;
    batch.from = batch.to = from;
    batch.part = part;
    batch.is_last_part = is_last;
    add_change(batch, 20);
    if (is_last) add_commit(batch);
    return batch;
  }
  static void add_change(Batch& batch, size_t bytes) {
    static std::mt19937 random(1);
    std::string text(bytes, ' ');
    for (char& c : text) c = static_cast<char>(random());
    std::string tuple;
    write_tuple(tuple, {{ValueKind::text, text}});
    write_change(batch.payload, ChangeKind::put, 0, tuple);
    ++batch.changes;
  }
  static void add_commit(Batch& batch) {
    Commit commit;
    commit.xid = static_cast<uint32_t>(700 + batch.to.seq);
    commit.end_lsn = {batch.to.end_lsn.value + 100};
    commit.time = static_cast<int64_t>(1'000'000 * (batch.to.seq + 1));
    write_commit(batch.payload, commit);
    if (batch.first_commit_time == 0) batch.first_commit_time = commit.time;
    batch.to = advance(batch.to, commit);
  }

  // Appends and returns the position reached.
  Position append(const Batch& batch) {
    queue_->append({{batch}, {}, {}, std::nullopt});
    return batch.to;
  }
  Position append_transactions(int count, size_t change_bytes = 20) {
    return append(batch_after(queue_->head(), count, change_bytes));
  }
  std::vector<StoredBatch> read_all(int64_t after = 0) { return queue_->read_after(after, 1000, 1 << 30); }
  // The positions that batches reach, in order.
  std::vector<uint64_t> sequence_numbers(int64_t after = 0) {
    std::vector<uint64_t> numbers;
    for (const StoredBatch& stored : read_all(after)) numbers.push_back(stored.batch.to.seq);
    return numbers;
  }

  template <typename Work>
  static Error failure_of(Work work) {
    try {
      work();
    } catch (const Error& failure) {
      return failure;
    }
    ADD_FAILURE() << "nothing was thrown";
    return {ErrorKind::internal, ""};
  }

  std::filesystem::path directory_;
  QueueConfig config_;
  Queue::Options options_;
  int64_t now_ = 1'700'000'000'000'000;
  std::unique_ptr<Queue> queue_;
};

}  // namespace tributary
