#include "flow/refresh_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

namespace tributary {
namespace {

using testing::ElementsAre;

class RefreshStateTest : public testing::Test {
 protected:
  RefreshState make(const std::string& memory = {}) {
    RefreshState state(context_.get_executor(), [this] { return now_; });
    state.recall(memory);
    return state;
  }
  static status::VerifiedTable table(const std::string& name, uint64_t rows, bool is_finished) {
    status::VerifiedTable table;
    table.set_name(name);
    table.set_rows(rows);
    table.set_is_finished(is_finished);
    return table;
  }
  static status::Difference difference(const std::string& table) {
    status::Difference difference;
    difference.set_table(table);
    difference.add_key("7");
    difference.add_columns()->set_here("secret");
    return difference;
  }
  Position at(uint64_t seq) const { return {stream_, seq, {100 + seq}, seq}; }
  void welcome(RefreshState& state, const std::string& walked_to, bool is_complete = false) {
    TableState walked;
    walked.table = "a";
    walked.walked_to = walked_to;
    walked.is_complete = is_complete;
    state.parent().set_tables({"a"});
    state.parent().welcome(at(9), {at(9), {walked}, {}, {}});
  }

  asio::io_context context_;
  int64_t now_ = 1000;
  const Uuid stream_ = Uuid::random();
};

TEST_F(RefreshStateTest, an_order_and_how_far_it_is_outlive_the_agent) {
  RefreshState state = make();
  EXPECT_EQ(state.begin_verification({{"a", "b", "c"}, true, true, false}), "");
  state.store(state.order_number(), table("a", 10, true));
  state.store(state.order_number(), table("b", 4096, false), ComparedPlace{"b", 77, "key"});
  state.add_difference(difference("b"));
  state.want_walk("a", true, true);
  state.want_comparison("d");

  const std::string memory = state.memory();
  EXPECT_EQ(memory.find("secret"), std::string::npos) << "values are not written down";
  RefreshState again = make(memory);
  ASSERT_TRUE(again.order());
  EXPECT_THAT(again.order()->tables, ElementsAre("a", "b", "c"));
  EXPECT_TRUE(again.order()->repairs && again.order()->deletes_extra);
  EXPECT_EQ(again.verification().state(), status::Verification::UNDER_WAY);
  EXPECT_TRUE(again.verification().tables(0).is_finished());
  EXPECT_EQ(again.verification().tables(1).rows(), 4096u);
  ASSERT_TRUE(again.place());
  EXPECT_EQ(again.place()->after, "key");
  EXPECT_EQ(again.place()->shape_id, 77u);
  EXPECT_EQ(again.differences().size(), 1u);
  EXPECT_EQ(again.wanted_walk("a"), true);
  EXPECT_TRUE(again.is_comparison_wanted("d"));
  EXPECT_EQ(again.verified().at("a").rows(), 10u);
  EXPECT_EQ(again.begin_verification({{"a"}}).rfind("another comparison is under way", 0), 0u);
  again.end_verification();
  EXPECT_FALSE(make(again.memory()).order());
}

TEST_F(RefreshStateTest, what_cannot_be_read_is_nothing) {
  const RefreshState state = make("\xff\xff\xff");
  EXPECT_FALSE(state.order());
  EXPECT_EQ(state.regular_since(), now_);
}

TEST_F(RefreshStateTest, nothing_can_be_ordered_before_it_is_known_what_was) {
  RefreshState state(context_.get_executor());
  EXPECT_NE(state.begin_verification({{"a"}}), "");
}

TEST_F(RefreshStateTest, a_wish_is_new_until_it_is_stored) {
  RefreshState state = make();
  state.set_stored(state.version());
  EXPECT_FALSE(state.has_new_wish());
  state.want_comparison("a");
  EXPECT_TRUE(state.has_new_wish());
  const uint64_t version = state.version();
  state.want_comparison("b");
  state.set_stored(version);
  EXPECT_TRUE(state.has_new_wish()) << "b is not";
  state.set_stored(state.version());
  EXPECT_FALSE(state.has_new_wish());
}

TEST_F(RefreshStateTest, the_next_regular_comparison_counts_from_the_last_one_of_all_tables) {
  RefreshState first = make();
  EXPECT_EQ(first.regular_since(), 1000) << "the first start";
  now_ = 2000;
  RefreshState state = make(first.memory());
  EXPECT_EQ(state.regular_since(), 1000);
  state.begin_verification({{"a"}});
  state.end_verification();
  EXPECT_EQ(state.regular_since(), 1000) << "one table is not all";
  state.begin_verification({{"a", "b"}, false, false, true});
  now_ = 3000;
  state.end_verification();
  EXPECT_EQ(make(state.memory()).regular_since(), 3000);
  now_ = 4000;
  state.begin_verification({{"a", "b"}, false, false, true});
  state.cancel_verification();
  EXPECT_EQ(state.regular_since(), 4000) << "what a person stopped does not begin again at once";
  now_ = 500;
  EXPECT_EQ(make(state.memory()).regular_since(), 500) << "the clock was set back";
}

TEST_F(RefreshStateTest, a_cancelled_walk_stands_where_it_is_until_the_next_order) {
  RefreshState state = make();
  welcome(state, "k");
  state.begin_verification({{"a"}, true});
  state.want_walk("a", false, true);
  state.forget_walk("a");  // it has begun
  state.cancel_verification();
  EXPECT_TRUE(state.is_walk_cancelled("a"));
  EXPECT_TRUE(state.has_unsettled_walks());
  welcome(state, "m");  // what was under way
  RefreshState again = make(state.memory());
  welcome(again, "m");
  EXPECT_TRUE(again.is_walk_cancelled("a"));
  again.settle_cancelled_walks();
  EXPECT_FALSE(again.has_unsettled_walks());
  EXPECT_TRUE(make(again.memory()).verification().state() == status::Verification::CANCELLED);
  EXPECT_TRUE(again.is_walk_cancelled("a"));
  welcome(again, "");
  EXPECT_FALSE(again.is_walk_cancelled("a")) << "the parent has taken it back to the beginning";
  welcome(again, "m");
  again.begin_verification({{"a"}, false});
  EXPECT_TRUE(again.is_walk_cancelled("a")) << "who only looks mends nothing";
  again.cancel_verification();
  again.begin_verification({{"a"}, true});
  EXPECT_FALSE(again.is_walk_cancelled("a"));
}

TEST_F(RefreshStateTest, a_walk_that_had_not_begun_is_cancelled_without_a_trace) {
  RefreshState state = make();
  welcome(state, "", true);
  state.begin_verification({{"a"}, true});
  state.want_walk("a", false, true);
  state.cancel_verification();
  EXPECT_EQ(state.wanted_walk("a"), std::nullopt);
  state.settle_cancelled_walks();
  EXPECT_FALSE(state.is_walk_cancelled("a"));
}

}  // namespace
}  // namespace tributary
