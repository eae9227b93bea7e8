#include "flow/pauses.h"

#include "unit/base/run.h"
#include "unit/queue/queue_fixture.h"

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kA[] = "public.a", kB[] = "public.b";

class PausesTest : public QueueTest {
 protected:
  // With the queue open, in which nothing is paused.
  void with_pauses(std::function<Task<>(Pauses&)> story) {
    auto all = [&]() -> Task<> {
      Worker writer("queue writer");
      Pauses pauses(co_await asio::this_coro::executor);
      co_await pauses.keep_in(open(), writer);
      co_await story(pauses);
      pauses.leave_queue();
    };
    run(all());
  }
  Pauses::All kept() { return Pauses::All::from(queue_->note(kPausesNote)); }
};

Task<> pause(Pauses& pauses, std::string table) {
  const auto change = [&](Pauses::All& all) { all.pause(table, 7); };
  co_await pauses.change(change);
}
Task<> end(Pauses& pauses, std::string table) {
  const auto change = [&](Pauses::All& all) { all.end(table, 7, std::nullopt); };
  co_await pauses.change(change);
}
Task<> then_wait(Task<> task, int& done) {
  co_await std::move(task);
  if (++done < 2) co_await sleep_for(std::chrono::hours(1));
}

TEST_F(PausesTest, two_changes_at_once_are_both_kept) {
  with_pauses([&](Pauses& pauses) -> Task<> {
    int done = 0;
    co_await until_one_ends(then_wait(pause(pauses, kA), done), then_wait(pause(pauses, kB), done));
    EXPECT_THAT(pauses.tables(), ElementsAre(kA, kB));
    EXPECT_EQ(kept(), pauses.all());
  });
}

TEST_F(PausesTest, a_pause_that_is_ordered_while_another_one_ends_is_kept) {
  with_pauses([&](Pauses& pauses) -> Task<> {
    const auto ending = [&](Pauses::All& all) { all.tables[kA] = {7, true}; };
    co_await pauses.change(ending);
    int done = 0;
    co_await until_one_ends(then_wait(pause(pauses, kB), done), then_wait(end(pauses, kA), done));
    EXPECT_THAT(pauses.tables(), ElementsAre(kB));
    EXPECT_EQ(kept(), pauses.all());
  });
}

TEST_F(PausesTest, one_that_is_cancelled_is_written_down_and_in_force_or_neither) {
  with_pauses([&](Pauses& pauses) -> Task<> {
    auto soon = []() -> Task<> { co_return; };
    for (int round = 0; round < 20; ++round) {
      const std::string table = "public.t" + std::to_string(round);
      co_await until_one_ends(pause(pauses, table), soon());
      EXPECT_EQ(kept(), pauses.all());
    }
  });
}

TEST_F(PausesTest, what_was_paused_is_when_the_queue_is_opened_again_and_a_new_queue_gets_it) {
  with_pauses([&](Pauses& pauses) -> Task<> { co_await pause(pauses, kA); });
  with_pauses([&](Pauses& pauses) -> Task<> {
    EXPECT_THAT(pauses.tables(), ElementsAre(kA));
    pauses.leave_queue();
    std::string failure;
    try {
      co_await pause(pauses, kB);
    } catch (const Error& error) {
      failure = error.message();
    }
    EXPECT_EQ(failure, "the queue is not open, and nothing can be written down");
    config_.path = directory_ / "other.db";
    Worker writer("queue writer");
    co_await pauses.keep_in(open(), writer);
    EXPECT_EQ(kept(), pauses.all());
  });
}

TEST(PausedTables, a_table_leaves_them_only_by_the_end_of_the_pause_that_it_is_in) {
  Pauses::All all;
  EXPECT_EQ(all.pause(kA, 100), 0);
  EXPECT_EQ(all.pause(kA, 200), 100) << "since when it was already";
  all.end(kA, 100, std::nullopt);
  EXPECT_TRUE(all.tables.contains(kA)) << "nobody has resumed it";
  EXPECT_TRUE(all.resume(kA));
  EXPECT_EQ(all.pause(kA, 100), 0) << "within the same millisecond, or after the clock was set back";
  EXPECT_TRUE(all.resume(kA));
  all.end(kA, 100, std::nullopt);
  EXPECT_TRUE(all.is_ending(kA, 101)) << "that was the end of the pause before";
  all.end(kA, 101, StreamPlace{Uuid(), 5});
  EXPECT_THAT(all.tables, IsEmpty());
  EXPECT_EQ(all.resumed.at(kA).seq, 5u);
  EXPECT_FALSE(all.resume(kA));
}

}  // namespace
}  // namespace tributary
