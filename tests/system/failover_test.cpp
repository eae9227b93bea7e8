// The district's database fails over to its physical standby. Where the slot is there too, and nothing that was
// captured is lost, the stream goes on; otherwise a new one begins. Either way the region has what the standby has. The
// agent runs all the time, and its connection string names both servers.
#include "system/uses_fixture.h"

namespace tributary::test {
namespace {

class FailoverTest : public UsesTest {
 protected:
  // Before tree.start(): what is written there is all in the standby's log too.
  FailoverTest() : standby_("standby", {.settings = {}, .standby_of = &district().cluster()}) {
    district().edit().servers = "host=127.0.0.1,127.0.0.1 port=" + std::to_string(district().cluster().port()) + "," +
                                std::to_string(standby_.port()) + " target_session_attrs=read-write";
  }
  std::string both() { return district().edit().servers + " dbname=app user=postgres"; }

  void wait_for_standby() {
    const std::string end = district().sql().value("SELECT pg_current_wal_lsn()");
    wait_until("the standby has it all",
               [&] { return standby_.connect().value("SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", {end}) == "t"; });
  }
  void leave_standby_behind() {
    Sql sql = standby_.connect();
    sql.exec("ALTER SYSTEM SET primary_conninfo = ''");
    sql.exec("SELECT pg_reload_conf()");
    wait_until("the standby receives nothing",
               [&] { return sql.number("SELECT count(*) FROM pg_stat_wal_receiver") == 0; });
  }
  // The slot as it is on the primary's disk: what tools do that keep slots over a failover.
  void copy_slot() {
    district().sql().exec("CHECKPOINT");
    const std::string slot =
        district().sql().value("SELECT slot_name FROM pg_replication_slots WHERE plugin IS NOT NULL");
    wait_for_standby();
    standby_.stop_fast();
    const std::filesystem::path from = district().cluster().data() / "pg_replslot" / slot;
    run_or_throw({{"cp", "-a", from.string(), (standby_.data() / "pg_replslot").string()}, {}, {}, {}, SIGKILL});
    standby_.start();
    ASSERT_EQ(standby_.connect().number("SELECT count(*) FROM pg_replication_slots"), 1);
  }
  void fail_over() {
    district().cluster().kill_postmaster();
    ASSERT_EQ(standby_.connect().value("SELECT pg_promote()"), "t");
  }

  Cluster standby_;
};

TEST_F(FailoverTest, nothing_was_lost) {
  start();
  Writer writer(both(), "district"), region_writer(region().cluster().conninfo("app"), "region");
  writer.let_write();
  const std::string before = stream();
  writer.stop();
  wait_for_standby();
  region().sql().exec("UPDATE note SET body = 'somebody changed it' WHERE home = 'district' AND id = 1");
  fail_over();
  Writer again(both(), "district");
  again.let_write();
  expect_new_stream(before, "the replication slot is gone");
  again.let_write();
  again.stop();
  region_writer.stop();
  tree.expect_equal();
  EXPECT_GT(notes_at_region("id <= 300"), 0) << "written before";
  EXPECT_EQ(extra(), 0);
}

// The region had got what the standby had not.
TEST_F(FailoverTest, what_the_standby_never_had_is_lost_at_the_region_too) {
  start();
  {
    Writer writer(both(), "district");
    writer.let_write();
    leave_standby_behind();
    writer.let_write();
  }
  write_notes(1'000'001, 1'000'050, "will be lost");
  wait_until("the region has it", [&] { return notes_at_region("body = 'will be lost'") == 50; });
  const std::string before = stream();
  Writer writer(both(), "district");
  writer.let_write();
  fail_over();
  writer.let_write();
  expect_new_stream(before, "the replication slot is gone");
  writer.let_write();
  writer.stop();
  tree.expect_equal();
  EXPECT_EQ(notes_at_region("body = 'will be lost'"), 0);
  EXPECT_EQ(extra(), 0);
}

TEST_F(FailoverTest, a_slot_that_survives_carries_the_stream_on) {
  start();
  Writer writer(both(), "district");
  writer.let_write();
  copy_slot();
  const std::string before = stream();
  writer.let_write();
  writer.stop();
  tree.expect_equal();
  wait_for_standby();
  // Only a refresh would mend this.
  region().sql().exec("UPDATE note SET body = 'somebody changed it' WHERE home = 'district' AND id = 250");
  district().sql().exec("DELETE FROM note WHERE home = 'district' AND id = 251");
  wait_for_standby();
  const std::string log_before = district().agent().log();
  fail_over();
  Writer again(both(), "district", 1'000'000);
  again.let_write();
  again.stop();
  wait_until("the region follows", [&] {
    return notes_at_region("id >= 1000000") ==
           standby_.connect("app").number("SELECT count(*) FROM note WHERE id >= 1000000");
  });
  EXPECT_EQ(stream(), before);
  EXPECT_EQ(district().agent().log().substr(log_before.size()).find("a new stream begins"), std::string::npos);
  EXPECT_EQ(notes_at_region("body = 'somebody changed it'"), 1);
  EXPECT_EQ(notes_at_region("id = 251"), 0);
  region().sql().exec("DELETE FROM note WHERE home = 'district' AND id = 250");
  standby_.connect("app").exec("UPDATE note SET body = 'changed' WHERE home = 'district' AND id = 250");
  tree.expect_equal();
}

// The timeline branches off before the queue's last transaction.
TEST_F(FailoverTest, a_slot_that_survives_without_the_last_transactions_does_not) {
  start();
  {
    Writer writer(both(), "district");
    writer.let_write();
    copy_slot();
    writer.let_write();
  }
  wait_for_standby();
  leave_standby_behind();
  write_notes(1'000'001, 1'000'050, "will be lost");
  wait_until("the region has it", [&] { return notes_at_region("body = 'will be lost'") == 50; });
  const std::string before = stream();
  fail_over();
  Writer writer(both(), "district");
  writer.let_write();
  expect_new_stream(before, "a failover lost transactions that were already captured");
  writer.let_write();
  writer.stop();
  tree.expect_equal();
  EXPECT_EQ(notes_at_region("body = 'will be lost'"), 0);
  EXPECT_EQ(extra(), 0);
}

}  // namespace
}  // namespace tributary::test
