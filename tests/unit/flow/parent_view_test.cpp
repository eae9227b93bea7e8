#include "flow/parent_view.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

class ParentViewTest : public testing::Test {
 protected:
  Position at(uint64_t seq) const { return {stream_, seq, {100 + seq}, seq}; }
  Want want(uint64_t seq, std::vector<TableState> tables, std::vector<StaleKey> keys = {}) const {
    return {at(seq), std::move(tables), std::move(keys), {}};
  }
  ParentViewTest() { view_.set_tables({"a", "b"}); }
  static TableState walked(const std::string& table, const std::string& to) {
    TableState state;
    state.table = table;
    state.walked_to = to;
    return state;
  }
  static StaleKey key(const std::string& table, const std::string& bytes) { return {table, bytes}; }

  Uuid stream_ = Uuid::random();
  ParentView view_;
};

TEST_F(ParentViewTest, a_table_of_which_nothing_is_said_was_never_refreshed) {
  view_.welcome(at(5), want(5, {}));
  EXPECT_EQ(view_.table("a"), TableState());
  EXPECT_EQ(view_.said_at("a"), 5u) << "the welcome says it";
}

TEST_F(ParentViewTest, what_is_said_last_counts) {
  view_.welcome(at(5), want(5, {walked("a", "1")}));
  view_.take(want(9, {walked("a", "2")}));
  EXPECT_EQ(view_.table("a").walked_to, "2");
  EXPECT_EQ(view_.said_at("a"), 9u);
  EXPECT_EQ(view_.said_at("b"), 5u);
  EXPECT_EQ(view_.at().seq, 9u);
}

TEST_F(ParentViewTest, a_session_that_begins_says_everything) {
  view_.welcome(at(5), want(5, {walked("a", "1")}, {key("a", "k")}));
  view_.disconnected();
  EXPECT_FALSE(view_.is_connected());
  view_.welcome(at(4), want(4, {walked("b", "1")}));
  EXPECT_TRUE(view_.is_connected());
  EXPECT_EQ(view_.table("a"), TableState());
  EXPECT_EQ(view_.at().seq, 4u);
  EXPECT_EQ(view_.stale_count(), 0u);
}

TEST_F(ParentViewTest, in_a_new_stream_nothing_is_refreshed) {
  view_.welcome(at(5), want(5, {walked("a", "1")}, {key("a", "k")}));
  stream_ = Uuid::random();
  view_.applied(at(0));
  EXPECT_EQ(view_.table("a"), TableState());
  EXPECT_EQ(view_.stale_count(), 0u);
  EXPECT_EQ(view_.said_at("a"), 0u);
}

TEST_F(ParentViewTest, what_is_said_of_a_stream_that_was_left_comes_too_late) {
  view_.welcome(at(5), want(5, {}));
  const Want late = want(6, {walked("a", "1")}, {key("a", "k")});
  stream_ = Uuid::random();
  view_.applied(at(0));
  view_.take(late);
  EXPECT_EQ(view_.at(), at(0));
  EXPECT_EQ(view_.stale_count(), 0u);
}

TEST_F(ParentViewTest, keys_of_other_tables_wait) {
  view_.welcome(at(5), want(5, {}, {key("a", "k"), key("b", "m")}));
  EXPECT_EQ(view_.stale_keys(10, {"b"}), std::vector<StaleKey>{key("b", "m")});
  EXPECT_TRUE(view_.stale_keys(10, {"c"}).empty());
}

TEST_F(ParentViewTest, a_key_is_stale_until_its_refresh_is_applied) {
  view_.welcome(at(5), want(5, {}, {key("a", "k"), key("a", "l"), key("b", "m")}));
  const auto keys = view_.stale_keys(10, {"a", "b"});
  EXPECT_EQ(keys, (std::vector<StaleKey>{key("a", "k"), key("a", "l")})) << "of one table";
  view_.placed(keys, 8);
  EXPECT_EQ(view_.stale_keys(10, {"a", "b"}), std::vector<StaleKey>{key("b", "m")});
  view_.applied(at(7));
  EXPECT_EQ(view_.stale_count(), 3u);
  view_.applied(at(8));
  EXPECT_EQ(view_.stale_count(), 1u);
}

TEST_F(ParentViewTest, a_key_that_becomes_stale_behind_its_refresh_stays_so) {
  view_.welcome(at(5), want(5, {}, {key("a", "k")}));
  view_.placed({key("a", "k")}, 8);
  view_.take(want(9, {}, {key("a", "k")}));
  EXPECT_EQ(view_.stale_keys(10, {"a", "b"}).size(), 1u);
}

TEST_F(ParentViewTest, a_refresh_that_may_be_lost_is_asked_for_again) {
  view_.welcome(at(5), want(5, {}, {key("a", "k")}));
  view_.placed({key("a", "k")}, 8);
  view_.forget_placed();
  EXPECT_EQ(view_.stale_keys(10, {"a", "b"}).size(), 1u);
}

TEST_F(ParentViewTest, of_a_table_that_is_walked_instead_no_key_is_stale) {
  view_.welcome(at(5), want(5, {}, {key("a", "k"), key("a", "l"), key("b", "m")}));
  view_.forget_stale("a");
  EXPECT_EQ(view_.stale_keys(10, {"a", "b"}), std::vector<StaleKey>{key("b", "m")});
  view_.take(want(6, {}, {key("a", "n")}));
  EXPECT_EQ(view_.stale_keys(10, {"a"}), std::vector<StaleKey>{key("a", "n")});
}

TEST_F(ParentViewTest, an_answer_is_taken_once) {
  view_.welcome(at(5), want(5, {}));
  Want news = want(6, {});
  news.comparisons.resize(2);
  news.comparisons[0].table = "a";
  news.comparisons[0].seq = 5;
  news.comparisons[1].table = "a";
  news.comparisons[1].seq = 6;
  view_.take(news);
  EXPECT_FALSE(view_.take_comparison("a", 7));
  EXPECT_TRUE(view_.take_comparison("a", 6));
  EXPECT_FALSE(view_.take_comparison("a", 6));
}

TEST_F(ParentViewTest, nothing_is_kept_of_tables_that_this_node_does_not_send) {
  view_.set_tables({"a"});
  Want news = want(5, {walked("a", "1"), walked("b", "1")}, {key("a", "k"), key("b", "m")});
  news.comparisons.resize(1);
  news.comparisons[0].table = "b";
  view_.welcome(at(5), news);
  EXPECT_EQ(view_.table("a").walked_to, "1");
  EXPECT_EQ(view_.table("b"), TableState());
  EXPECT_EQ(view_.stale_count(), 1u);
  EXPECT_FALSE(view_.take_comparison("b", 0));
}

TEST_F(ParentViewTest, where_too_many_keys_are_stale_the_table_is_to_be_walked) {
  std::vector<StaleKey> keys = {key("b", "m")};
  for (size_t i = 0; i < ParentView::kKeysMax; ++i) keys.push_back(key("a", "key " + std::to_string(i)));
  view_.welcome(at(5), want(5, {}, keys));
  EXPECT_EQ(view_.stale_count("a"), ParentView::kKeysMax);
  view_.take(want(6, {}, {key("a", "key 1")}));
  EXPECT_EQ(view_.stale_count("a"), ParentView::kKeysMax) << "it was stale already";
  view_.take(want(7, {}, {key("a", "one more")}));
  EXPECT_EQ(view_.stale_keys(10, {"a"}), std::vector<StaleKey>{key("a", "")});
  EXPECT_EQ(view_.stale_keys(10, {"b"}), std::vector<StaleKey>{key("b", "m")});
  view_.take(want(8, {}, {key("b", std::string(ParentView::kKeyBytesMax, 'x'))}));
  EXPECT_EQ(view_.stale_keys(10, {"b"}), std::vector<StaleKey>{key("b", "")});
}

TEST_F(ParentViewTest, of_answers_that_nobody_takes_the_last_are_kept) {
  view_.welcome(at(5), want(5, {}));
  for (uint64_t seq = 6; seq < 100; ++seq) {
    Want news = want(seq, {});
    news.comparisons.resize(1);
    news.comparisons[0].table = "a";
    news.comparisons[0].seq = seq;
    view_.take(news);
  }
  EXPECT_FALSE(view_.take_comparison("a", 99 - ParentView::kComparisonsMax));
  EXPECT_TRUE(view_.take_comparison("a", 100 - ParentView::kComparisonsMax));
  EXPECT_TRUE(view_.take_comparison("a", 99));
}

}  // namespace
}  // namespace tributary
