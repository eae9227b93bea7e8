// A district and its region, which both write their own notes all the time, and what happens to their databases
// meanwhile.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "support/hierarchy.h"

namespace tributary::test {

// Inserts, changes and deletes notes of `home`, and new ones get the ids of those that are gone: what was lost comes
// again with other contents. Where the server goes away it tries again.
class Writer {
 public:
  Writer(std::string conninfo, std::string home, int first_id = 1)
      : conninfo_(std::move(conninfo)), home_(std::move(home)), first_id_(first_id), thread_([this] { run(); }) {}
  ~Writer() { stop(); }
  void stop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // Returns when it has written so many more transactions.
  void let_write(int transactions = 20) {
    const int until = transactions_ + transactions;
    try {
      wait_until(home_ + " writes", [&] { return transactions_ >= until; });
    } catch (const std::runtime_error& error) {
      const std::lock_guard guard(mutex_);
      throw std::runtime_error(error.what() + (": " + last_error_));
    }
  }

 private:
  void run() {
    std::mt19937 random(1);
    std::unique_ptr<Sql> sql;
    while (!is_stopping_) {
      try {
        if (!sql) sql = std::make_unique<Sql>(conninfo_);
        const std::string mine = " WHERE home = '" + home_ + "' AND id >= " + std::to_string(first_id_);
        const std::string some = std::to_string(random() % 17);
        sql->exec("INSERT INTO note SELECT '" + home_ + "', greatest(" + std::to_string(first_id_ - 1) +
                  ", (SELECT max(id) FROM note" + mine +
                  ")) + n, md5(random()::text) FROM generate_series(1, 3) n; "
                  "UPDATE note SET body = md5(random()::text)" +
                  mine + " AND id % 17 = " + some +
                  "; "
                  // Few: what is deleted while no stream takes notice is only deleted above if it is little.
                  "DELETE FROM note" +
                  mine + " AND " + some + " < 4 AND id = (SELECT id FROM note" + mine + " ORDER BY id OFFSET " +
                  std::to_string(random() % 100) + " LIMIT 1)");
        ++transactions_;
      } catch (const SqlError& error) {
        sql.reset();
        const std::lock_guard guard(mutex_);
        last_error_ = error.what();
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  const std::string conninfo_, home_;
  const int first_id_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<int> transactions_ = 0;
  std::mutex mutex_;
  std::string last_error_;
  std::thread thread_;
};

inline constexpr const char* kNotes =
    "CREATE TABLE note (home text, id int, body text NOT NULL, PRIMARY KEY (home, id))";

class UsesTest : public testing::Test {
 protected:
  static constexpr int kMaxDelete = 150;

  static NodeOptions district_options() {
    return {.name = "district",
            .parent = "region",
            .tables = {{.name = "public.note", .key = {"home", "id"}, .owned = "home = 'district'"}},
            .owns = "owns = \"home = 'district'\""};
  }
  explicit UsesTest(NodeOptions options = district_options()) {
    region_ = &tree.add({.name = "region",
                         .intake_tables = "[\"*\"]\nmax_delete = " + std::to_string(kMaxDelete),
                         .cluster = options.cluster});
    district_ = &tree.add(std::move(options));
    tree.exec_everywhere(kNotes);
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  // With notes of before, and equal.
  void start(int notes = 300) {
    write_notes(1, notes);
    tree.start();
    tree.expect_equal();
  }
  void start_district() {
    district().agent().start();
    district().wait_until_streaming();
    district().wait_until_copied();
  }
  void write_notes(int first, int last, const std::string& body = "before") {
    district().sql().exec("INSERT INTO note SELECT 'district', n, $3 FROM generate_series($1::int, $2::int) n",
                          {std::to_string(first), std::to_string(last), body});
  }
  int64_t notes_at_region(const std::string& condition = "true") {
    return region().sql().number("SELECT count(*) FROM note WHERE home = 'district' AND " + condition);
  }
  int64_t extra() { return region().sql().number("SELECT count(*) FROM tributary.extra WHERE child = 'district'"); }
  std::string stream() { return region().sql().value("SELECT stream FROM tributary.applied WHERE child = 'district'"); }
  // While both write: the district's agent says why a new stream begins, the region follows it.
  void expect_new_stream(const std::string& before, const std::string& reason) {
    const std::string words = "a new stream begins: " + reason;
    try {
      wait_until("a new stream begins", [&] { return district().agent().log().find(words) != std::string::npos; });
      wait_until("the region follows it", [&] { return stream() != before; });
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << ": " << words << tree.logs();
    }
  }
  static status::Notice notice_of(Node& node, const std::string& subject) {
    const status::NodeStatus status = node.agent().status();
    for (const status::Notice& notice : status.notices())
      if (notice.subject() == subject) return notice;
    return {};
  }

  // The district's server is stopped for it.
  void put_district_back(const std::string& label) {
    district().cluster().stop_fast();
    district().cluster().restore_data(label);
    district().cluster().start();
  }
  static constexpr const char* kQueueFiles[] = {"queue.db", "queue.db-wal", "queue.db-shm"};
  std::filesystem::path queue_directory() { return district().agent().directory(); }
  void delete_queue() {
    for (const char* file : kQueueFiles) std::filesystem::remove(queue_directory() / file);
  }
  void copy_queue(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::create_directories(to);
    for (const char* file : kQueueFiles)
      if (std::filesystem::exists(from / file)) std::filesystem::copy_file(from / file, to / file);
  }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
};

// Both nodes write while this lives.
struct BothWrite {
  BothWrite(Node& below, Node& above, int first_id = 1)
      : district(below.cluster().conninfo("app"), "district", first_id),
        region(above.cluster().conninfo("app"), "region") {}
  void let_write() {
    district.let_write();
    region.let_write(5);
  }
  void stop() {
    district.stop();
    region.stop();
  }
  Writer district, region;
};

}  // namespace tributary::test
