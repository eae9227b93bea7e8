// A queue and a slot that do not agree: PostgreSQL would not say, so the agent finds out, and nothing is skipped or
// acknowledged unapplied: a new stream begins, and every table is refreshed.
#include <fstream>

#include "system/positions_fixture.h"

namespace tributary::test {
namespace {

TEST_F(PositionsTest, the_database_and_the_queue_rolled_back_together) {
  start();
  write_and_wait(5);
  district().agent().stop();
  district().cluster().stop_fast();
  district().cluster().save_data("before");
  save_queue("before");
  district().cluster().start();
  start_district();
  write_and_wait(3, "will be lost");

  district().agent().stop();
  district().cluster().stop_fast();
  district().cluster().restore_data("before");
  restore_queue("before");
  district().cluster().start();
  start_district();
  write(10, "of the other history");  // more than was lost
  expect_mended();
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM note WHERE body = 'will be lost'"), 0);
}

TEST_F(PositionsTest, the_queue_is_put_back_from_an_older_copy) {
  start();
  write_and_wait(5);
  district().agent().stop();
  save_queue("before");
  start_district();
  write_and_wait(3);
  district().agent().stop();
  write(4);
  restore_queue("before");
  expect_new_stream("the database and the queue are not of the same moment");
  expect_mended();
}

TEST_F(PositionsTest, the_queue_lost_its_tail_while_its_nonce_is_the_databases) {
  start();
  write_and_wait(5);
  district().agent().freeze();
  save_queue("before");
  district().agent().unfreeze();
  write_and_wait(3);
  const std::string confirmed = "SELECT confirmed_flush_lsn >= '" +
                                district().sql().value("SELECT pg_current_wal_lsn()") + "' FROM pg_replication_slots";
  write_and_wait(1);
  wait_until("PostgreSQL is told", [&] { return district().sql().value(confirmed) == "t"; });
  district().agent().kill();
  restore_queue("before");
  expect_new_stream("the slot is ahead of the queue");
  expect_mended();
}

TEST_F(PositionsTest, the_slot_is_advanced_past_rows_that_were_not_captured) {
  start();
  write_and_wait(5);
  district().agent().stop();
  write(2, "passed over");
  district().sql().exec("SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", {slot()});
  write(1);
  expect_new_stream("the slot is ahead of the queue");
  expect_mended();
}

TEST_F(PositionsTest, a_slot_behind_the_queue_continues_without_repeats) {
  region().agent().start();
  start_district();
  write_and_wait(2);
  district().agent().stop();
  const std::string stream = applied_stream();
  district().link().cut();
  district().agent().start_with_failpoint("before_feedback");
  district().wait_until_streaming();
  write(4);
  EXPECT_EQ(district().agent().wait_until_ended(), -SIGKILL);
  district().link().restore();
  start_district();
  write_and_wait(4);
  EXPECT_EQ(applied_stream(), stream);
  EXPECT_EQ(applied_seq(), 10);
  EXPECT_EQ(writes_repeated(), 0);
}

TEST_F(PositionsTest, the_slot_is_dropped) {
  start();
  write_and_wait(5);
  district().agent().stop();
  district().sql().exec("SELECT pg_drop_replication_slot($1)", {slot()});
  write(2);
  expect_new_stream("the replication slot is gone");
  expect_mended();
}

TEST_F(PositionsTest, the_queue_is_deleted) {
  start();
  write_and_wait(5);
  district().agent().stop();
  delete_queue();
  write(2);
  expect_new_stream("the queue was lost or is new");
  expect_mended();
}

TEST_F(PositionsTest, a_file_that_is_no_queue_is_said_and_never_overwritten) {
  start();
  write_and_wait(5);
  district().agent().stop();
  const std::filesystem::path file = queue_directory() / "queue.db";
  std::filesystem::remove(queue_directory() / "queue.db-wal");
  std::filesystem::remove(queue_directory() / "queue.db.ballast");  // beside it, the file would be a damaged queue
  {
    std::fstream queue(file, std::ios::in | std::ios::out | std::ios::binary);
    queue.write(std::string(200, 'x').c_str(), 200);
  }
  const std::string damaged = read_file(file);
  district().agent().start();
  std::string message;
  try {
    wait_until("the queue is held", [&] {
      const auto status = district().agent().status();
      message = status.queue().message();
      return status.queue().health() == status::HELD;
    });
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what() << message << tree.logs();
  }
  EXPECT_THAT(message, testing::HasSubstr("queue.db"));
  EXPECT_EQ(read_file(file), damaged);
  district().agent().stop();
  delete_queue();
  expect_new_stream("the queue was lost or is new");
  expect_mended();
}

TEST_F(PositionsTest, another_history_where_the_last_captured_transaction_stood) {
  start();
  write_and_wait(3);
  district().agent().stop();
  district().cluster().stop_fast();
  district().cluster().save_data("before");
  district().cluster().start();
  district().agent().start_with_failpoint("before_feedback");
  district().wait_until_streaming();
  write(1, "will be lost");  // captured, and nobody told PostgreSQL
  EXPECT_EQ(district().agent().wait_until_ended(), -SIGKILL);
  const std::string nonce = district().sql().value("SELECT nonce FROM tributary.stream");
  district().cluster().stop_fast();
  district().cluster().restore_data("before");
  district().cluster().start();
  // As a standby that was promoted would have it.
  district().sql().exec("UPDATE tributary.stream SET nonce = $1", {nonce});
  write(20, "of the other history");

  expect_new_stream("the last captured transaction is not in the database's WAL");
  expect_mended();
}

}  // namespace
}  // namespace tributary::test
