// What a person, or the clock, wants to be compared or refreshed survives that the agent is killed.
#include "support/three_tiers.h"
#include "system/uses_fixture.h"

namespace tributary::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class LastingWishesTest : public UsesTest {
 protected:
  explicit LastingWishesTest(const std::string& config = {}) : UsesTest(with(config)) {}
  static NodeOptions with(const std::string& config) {
    NodeOptions options = district_options();
    options.config = config;
    return options;
  }
  void spoil() { region().sql().exec("UPDATE note SET body = 'edited' WHERE id = 7"); }
  static void restart(Node& node) {
    node.agent().kill();
    node.agent().start();
  }
  status::Verification verification() { return district().agent().status().capture().verification(); }
};

TEST_F(LastingWishesTest, an_order_of_the_child_is_carried_out_by_the_next_agent) {
  start();
  spoil();
  district().link().cut();
  const Outcome begun = district().agent().command({"resync", "public.note"});
  EXPECT_EQ(begun.exit_code, 0) << begun.output;
  restart(district());
  wait_until("the order is known", [&] { return verification().state() == status::Verification::UNDER_WAY; });
  EXPECT_TRUE(verification().repairs());
  district().link().restore();
  tree.expect_equal();
  wait_until("it is finished", [&] { return verification().state() == status::Verification::FINISHED; });
  EXPECT_EQ(verification().tables(0).different(), 1u);
  restart(district());
  wait_until("its result is known", [&] { return verification().state() == status::Verification::FINISHED; });
}

TEST_F(LastingWishesTest, a_cancelled_order_stays_cancelled) {
  start();
  spoil();
  district().link().cut();
  EXPECT_EQ(district().agent().command({"resync", "public.note"}).exit_code, 0);
  EXPECT_EQ(district().agent().command({"resync", "--cancel"}).exit_code, 0);
  restart(district());
  district().link().restore();
  wait_until("it is known", [&] { return verification().state() == status::Verification::CANCELLED; });
  write_notes(1001, 1001);
  wait_until("what comes later has arrived", [&] { return notes_at_region("id = 1001") == 1; });
  EXPECT_EQ(notes_at_region("body = 'edited'"), 1);
}

TEST_F(LastingWishesTest, rows_from_before_a_new_column_get_its_values) {
  start();
  region().sql().exec("ALTER TABLE note ADD COLUMN grade int");
  district().link().cut();
  district().sql().exec("ALTER TABLE note ADD COLUMN grade int DEFAULT 7");
  district().init();
  write_notes(1001, 1001);
  // The new shape is in the queue with the row; what has to be compared because of it is too.
  wait_until("the row is in the queue", [&] { return district().agent().status().queue().batches() > 0; });
  restart(district());
  district().link().restore();
  tree.expect_equal();
  EXPECT_EQ(notes_at_region("grade = 7"), 301);
}

TEST_F(LastingWishesTest, the_parents_wish_for_a_child_that_is_away_outlives_the_parents_agent) {
  start();
  spoil();
  district().agent().stop();
  wait_until("the region knows", [&] { return region().agent().status().children(0).state() == "offline"; });
  const Outcome asked = region().agent().command({"resync", "public.note", "--child", "district"});
  EXPECT_EQ(asked.exit_code, 0) << asked.output;
  EXPECT_THAT(asked.output, HasSubstr("district is not connected; it refreshes table public.note when it is"));
  restart(region());
  start_district();
  tree.expect_equal();
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM tributary.walk WHERE is_requested OR deletes_requested"), 0);
}

TEST_F(LastingWishesTest, a_wish_that_cannot_be_written_down_is_refused) {
  start();
  region().cluster().stop_fast();
  const Outcome asked = region().agent().command({"resync", "public.note", "--child", "district"});
  EXPECT_EQ(asked.exit_code, 1) << asked.output;
  EXPECT_THAT(asked.output, HasSubstr("nothing was begun, because it cannot be written down"));
  const Outcome stranger = region().agent().command({"resync", "public.note", "--child", "stranger"});
  EXPECT_EQ(stranger.exit_code, 1);
  EXPECT_THAT(stranger.output, HasSubstr("stranger is no child of region"));
  region().cluster().start();
}

class RestartedDailyTest : public LastingWishesTest {
 protected:
  RestartedDailyTest() : LastingWishesTest("[verify]\nevery = \"12s\"\n") {}
};

TEST_F(RestartedDailyTest, an_agent_that_never_runs_for_so_long_compares_all_the_same) {
  start();
  restart(district());  // it was started when its tables were empty of faults
  spoil();
  // No run lasts as long as the interval.
  for (int run = 0; run < 20 && !district().difference().empty(); ++run) {
    const auto until = std::chrono::steady_clock::now() + seconds(5);
    while (std::chrono::steady_clock::now() < until && !district().difference().empty())
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    restart(district());
  }
  EXPECT_EQ(district().difference(), "");
}

}  // namespace
}  // namespace tributary::test
