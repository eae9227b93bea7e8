// A district and its region, whose databases and queues are stopped, copied and put back.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "support/hierarchy.h"

namespace tributary::test {

class PositionsTest : public testing::Test {
 protected:
  // `queue`: TOML lines for the district's [queue].
  explicit PositionsTest(const std::string& queue = {}) {
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district",
                           .parent = "region",
                           .tables = {{.name = "public.note", .where = "is_public"}},
                           .queue = queue});
    tree.exec_everywhere(R"(
      CREATE TABLE note (id int PRIMARY KEY, body text NOT NULL, is_public boolean NOT NULL DEFAULT true);
      CREATE TABLE written (id int, at bigserial);
      CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO public.written (id) VALUES (new.id); RETURN new; END $$;
      CREATE TRIGGER count_write AFTER INSERT OR UPDATE ON note FOR EACH ROW EXECUTE FUNCTION count_write();
      ALTER TABLE note ENABLE ALWAYS TRIGGER count_write;
    )");
    tree.init();
    // The trigger writes with the rights of the role that applies.
    region().sql().exec("GRANT ALL ON written TO PUBLIC; GRANT ALL ON SEQUENCE written_at_seq TO PUBLIC");
  }

  Node& region() { return *region_; }
  Node& district() { return *district_; }

  void start() {
    region().agent().start();
    start_district();
  }
  void start_district() {
    district().agent().start();
    district().wait_until_streaming();
    district().wait_until_copied();
  }
  // One transaction for each new note.
  void write(int count, const std::string& body = "written") {
    const int last = static_cast<int>(district().sql().number("SELECT coalesce(max(id), 0) FROM note"));
    for (int i = 1; i <= count; ++i)
      district().sql().exec("INSERT INTO note VALUES ($1, $2)", {std::to_string(last + i), body});
  }
  void write_and_wait(int count, const std::string& body = "written") {
    write(count, body);
    tree.expect_equal();
    wait_until("the district knows it", [&] {
      const auto status = district().agent().status();
      return status.queue().batches() == 0 && status.uplink().applied_position() == status.queue().durable_position();
    });
  }
  std::string notes(Node& node) { return table_text(node.sql(), "SELECT id, body FROM note ORDER BY id"); }
  std::string slot() { return district().sql().value("SELECT slot_name FROM pg_replication_slots"); }
  std::string applied_stream() {
    return region().sql().value("SELECT stream FROM tributary.applied WHERE child = 'district'");
  }
  // Of the notes: the first transaction of a stream that begins with an empty table is the refresh of it.
  int64_t applied_seq() {
    return region().sql().number("SELECT seq - 1 FROM tributary.applied WHERE child = 'district'");
  }
  int64_t writes_repeated() {
    return region().sql().number("SELECT count(*) FROM (SELECT FROM written GROUP BY id HAVING count(*) > 1) t");
  }

  // Of the running region: its database is stopped meanwhile, and both run again.
  void save_region(const std::string& label) {
    while_region_is_stopped([&] { region().cluster().save_data(label); });
  }
  void put_region_back(const std::string& label) {
    while_region_is_stopped([&] { region().cluster().restore_data(label); });
  }
  void save_queue(const std::string& label) { copy_queue(queue_directory(), queue_directory() / label); }
  void restore_queue(const std::string& label) {
    delete_queue();
    copy_queue(queue_directory() / label, queue_directory());
  }
  void delete_queue() {
    for (const char* file : kQueueFiles) std::filesystem::remove(queue_directory() / file);
  }
  std::filesystem::path queue_directory() { return district().agent().directory(); }

  // Capture begins a new stream because of `reason`, before the uplink can find anything out. Returns with the link
  // restored.
  void expect_new_stream(const std::string& reason) {
    district().link().cut();
    district().agent().start();
    const std::string words = "a new stream begins: " + reason;
    try {
      wait_until("a new stream begins", [&] { return district().agent().log().find(words) != std::string::npos; });
    } catch (const std::exception&) {
      ADD_FAILURE() << "expected: " << words << "\n" << district().agent().log();
    }
    district().wait_until_streaming();
    district().link().restore();
  }
  // The region holds the district's stream and both sides say why.
  void expect_held(const std::string& reason) {
    std::string words;
    try {
      wait_until("the region holds", [&] {
        const auto status = region().agent().status();
        words = status.children(0).message();
        return status.children(0).health() == status::HELD && words.find(reason) != std::string::npos;
      });
      wait_until("the district knows", [&] {
        const auto status = district().agent().status();
        words = status.uplink().message();
        return status.uplink().health() == status::HELD && words.find(reason) != std::string::npos;
      });
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << ": " << reason << "; it says: " << words << tree.logs();
    }
  }
  // The region took up the new stream, and has what the district has, and nothing else.
  void expect_mended() {
    tree.expect_equal();
    write_and_wait(3, "after mending");
    EXPECT_EQ(region().agent().status().children(0).health(), status::OK);
    EXPECT_EQ(district().agent().status().uplink().health(), status::OK);
  }

  Hierarchy tree;

 private:
  void while_region_is_stopped(const std::function<void()>& action) {
    region().agent().stop();
    region().cluster().stop_fast();
    action();
    region().cluster().start();
    region().agent().start();
  }
  static constexpr const char* kQueueFiles[] = {"queue.db", "queue.db-wal", "queue.db-shm"};
  static void copy_queue(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::create_directories(to);
    for (const char* file : kQueueFiles) {
      std::filesystem::remove(to / file);
      if (std::filesystem::exists(from / file)) std::filesystem::copy_file(from / file, to / file);
    }
  }

  Node* region_;
  Node* district_;
};

}  // namespace tributary::test
