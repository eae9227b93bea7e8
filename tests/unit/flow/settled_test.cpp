#include "flow/settled.h"

#include "unit/base/run.h"
#include "unit/queue/queue_fixture.h"

namespace tributary {
namespace {

using testing::HasSubstr;

constexpr char kTable[] = "public.document";

// A node whose only table is complete at the parent, at place 5 of the stream.
class SettledTest : public testing::Test {
 protected:
  SettledTest() {
    TableConfig table;
    table.name = "document";
    config_.tables.push_back(table);
    progress_.begin_run({}, at(9), 0);
    refresh_.parent().set_tables({kTable});
    refresh_.parent().welcome(at(5), said(5));
  }
  Position at(uint64_t seq) const { return {stream_, seq, {100 + seq}, seq}; }
  Want said(uint64_t seq, bool is_complete = true) const {
    TableState state;
    state.table = kTable;
    state.is_complete = is_complete;
    return {at(seq), {state}, {}, {}};
  }
  // As the queue keeps it.
  void resume_at(const StreamPlace& place) {
    Pauses::All all;
    all.resumed[kTable] = place;
    queue_.open().store_note(kPausesNote, all.memory());
    auto story = [&]() -> Task<> {
      Worker writer("queue writer");
      co_await pauses_.keep_in(queue_.opened(), writer);
      pauses_.leave_queue();
    };
    run_on(context_, story());
  }
  std::string unsettled() { return find_unsettled(config_, refresh_, pauses_, progress_).reason; }

  struct QueueOfTest : QueueTest {
    void TestBody() override {}
    using QueueTest::open;
    Queue& opened() { return *queue_; }
  };

  QueueOfTest queue_;
  asio::io_context context_;
  Uuid stream_ = Uuid::random();
  Config config_;
  RefreshState refresh_{context_.get_executor()};
  Pauses pauses_{context_.get_executor()};
  StreamProgress progress_;
};

TEST_F(SettledTest, a_complete_table_is) {
  EXPECT_EQ(unsettled(), "");
}

TEST_F(SettledTest, a_table_that_is_to_be_compared_again_is_not) {
  Want want = said(6);
  want.tables[0].to_be_compared = true;
  refresh_.parent().take(want);
  EXPECT_THAT(unsettled(), HasSubstr("table public.document is to be compared again: rows may be at the parent"));
  refresh_.awaited_child = [](const std::string&) { return "east"; };
  EXPECT_THAT(unsettled(), HasSubstr("when all that east sends is here"));
}

TEST_F(SettledTest, a_table_that_was_resumed_is_not_before_the_parent_has_answered_what_has_it_compared) {
  resume_at({stream_, 7});
  EXPECT_THAT(unsettled(), HasSubstr("was paused, and is about to be compared"));
  refresh_.parent().applied(at(7));
  EXPECT_THAT(unsettled(), HasSubstr("was paused")) << "what it said of the table is of before";
  refresh_.parent().take(said(7, false));
  EXPECT_THAT(unsettled(), HasSubstr("is being compared"));
  refresh_.parent().take(said(8));
  EXPECT_EQ(unsettled(), "");
}

TEST_F(SettledTest, a_table_that_was_resumed_in_a_stream_that_is_over_is_as_the_parent_says) {
  const Uuid before = Uuid::random();
  resume_at({before, 7});
  EXPECT_EQ(unsettled(), "");
  progress_ = {};
  EXPECT_THAT(unsettled(), HasSubstr("was paused")) << "perhaps it is this node's stream";
}

}  // namespace
}  // namespace tributary
