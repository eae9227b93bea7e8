#include "apply/walks.h"

#include <gtest/gtest.h>

#include "apply/stale_keys.h"

namespace tributary {
namespace {

Walk walked_to(const std::string& key) {
  Walk walk;
  walk.walked_to = key;
  return walk;
}

TEST(Walks, ARangeGoesOnWhereTheOneBeforeEnded) {
  const WalkStep step = *step_over(walked_to("b"), "b", "d", false);
  EXPECT_FALSE(step.is_beginning);
  EXPECT_FALSE(step.walk.is_complete);
  EXPECT_EQ(step.walk.walked_to, "d");
  EXPECT_TRUE(step_over(step.walk, "d", std::nullopt, false)->walk.is_complete);
}

TEST(Walks, ARangeFromTheBeginningWalksTheTableAnew) {
  Walk complete;
  complete.is_complete = true;
  complete.kept = 7;
  complete.may_delete_extra = true;
  const WalkStep step = *step_over(complete, std::nullopt, "d", false);
  EXPECT_TRUE(step.is_beginning);
  EXPECT_FALSE(step.walk.is_complete);
  EXPECT_EQ(step.walk.walked_to, "d");
  EXPECT_EQ(step.walk.kept, 0u);
  EXPECT_TRUE(step.walk.may_delete_extra) << "said before the walk began";
}

TEST(Walks, ARangeThatDoesNotFollowIsLeftOut) {
  Walk complete;
  complete.is_complete = true;
  EXPECT_FALSE(step_over(walked_to("b"), "c", "d", false));
  EXPECT_FALSE(step_over(complete, "c", "d", false));
}

TEST(Walks, ARangeSentBeforeTheChildHeardThatItsWalkBeginsAnewIsLeftOut) {
  EXPECT_FALSE(step_over(Walk{}, "c", "d", false));
  EXPECT_FALSE(step_over(step_back(walked_to("c"), false).walk, "c", "d", false));
}

TEST(Walks, PagesGoOnWhereTheOnesBeforeEndedAndThenTheWalkBegins) {
  Walk walk;
  EXPECT_FALSE(step_through(walk, {0, 8, false})) << "they were not asked for";
  walk.next_page = 0;
  walk.wants_rows = true;
  const WalkStep step = *step_through(walk, {0, 8, false});
  EXPECT_EQ(step.walk.next_page, 8u);
  EXPECT_TRUE(step.walk.wants_rows && step.walk.is_at_beginning());
  EXPECT_FALSE(step_through(step.walk, {9, 12, false}));
  const WalkStep last = *step_through(step.walk, {8, 12, true});
  EXPECT_FALSE(last.walk.next_page || last.walk.wants_rows || last.walk.is_complete);
  EXPECT_TRUE(last.walk.is_loaded);
  EXPECT_FALSE(step_over(step.walk, std::nullopt, "d", false)->walk.next_page);
}

TEST(Walks, AStaleKeyIsToldIfItStillIs) {
  Walks walks;
  walks.clear();
  walks.add_stale("public.document", "a");
  walks.add_stale("public.document", "b");
  walks.remove_stale("public.document", "a");
  EXPECT_EQ(walks.take_news({}).keys, (std::vector<StaleKey>{{"public.document", "b"}}));
  EXPECT_TRUE(walks.take_news({}).is_empty());
  EXPECT_EQ(walks.all({}).keys.size(), 1u);
  walks.remove_stale("public.document", "b");
  EXPECT_FALSE(walks.has_stale());
}

TEST(Walks, OfATableWithManyStaleKeysTheWalkBeginsAnew) {
  Walks walks;
  walks.clear();
  walks.set("public.document", walked_to("b"));
  StatementList list;
  for (size_t i = 0; i < kStaleKeysMax; ++i)
    add_stale_key(list, walks, "district-a", "public.document", std::to_string(i), "reason");
  EXPECT_EQ(walks.stale_keys("public.document").size(), kStaleKeysMax);
  add_stale_key(list, walks, "district-a", "public.document", "7", "reason");
  EXPECT_EQ(walks.of("public.document").walked_to, "b");
  add_stale_key(list, walks, "district-a", "public.document", "x", "reason");
  EXPECT_FALSE(walks.has_stale());
  EXPECT_TRUE(walks.of("public.document").is_at_beginning());
  const Want want = walks.take_news({});
  EXPECT_EQ(want.tables.size(), 1u);
  EXPECT_TRUE(want.keys.empty());
}

TEST(Walks, OfATableOfWhichNothingIsRefreshedNoKeyIsKept) {
  Walks walks;
  walks.clear();
  StatementList list;
  add_stale_key(list, walks, "district-a", "public.document", "a", "reason");
  EXPECT_FALSE(walks.has_stale());
  EXPECT_EQ(list.size(), 0u);
}

TEST(Walks, ATableIsSettledWhenNothingOfItIsToCome) {
  Walks walks;
  walks.clear();
  const std::string table = "public.document";
  EXPECT_TRUE(walks.settled().empty());
  Walk walk;
  walk.is_complete = true;
  walks.set(table, walk);
  EXPECT_EQ(walks.settled(), std::set<std::string>{table});
  const uint64_t version = walks.version();
  walks.add_stale(table, "a");
  EXPECT_TRUE(walks.settled().empty());
  EXPECT_NE(walks.version(), version);
  walks.remove_stale(table, "a");
  walks.set_ownership(table, {"true", true, 0});
  EXPECT_TRUE(walks.settled().empty());
  walks.set_ownership(table, {"true", false, 0});
  walk.reason = "a column is missing";
  walks.set(table, walk);
  EXPECT_TRUE(walks.settled().empty());
}

TEST(Walks, AWalkThatBeginsComparesWhatIsToBeCompared) {
  Walks walks;
  walks.clear();
  StatementList list;
  Shape shape;
  shape.title = "public.document";
  shape.owns = "a";
  walks.set_ownership(shape.title, {"b", true, 7});
  add_begun(list, walks, "district-a", shape);
  EXPECT_EQ(walks.ownership(shape.title), (Ownership{"a", false, 7}));
  EXPECT_EQ(list.size(), 1u);
  add_begun(list, walks, "district-a", shape);
  EXPECT_EQ(list.size(), 1u) << "nothing is new";
  shape.owns.clear();
  EXPECT_EQ(condition_of(shape), "false");
  shape.may_clear = true;
  EXPECT_EQ(condition_of(shape), "true");
}

TEST(Walks, NewsAreToldOnce) {
  Walks walks;
  walks.clear();
  walks.set("public.document", walked_to("b"));
  Position at;
  at.seq = 5;
  const Want want = walks.take_news(at);
  EXPECT_EQ(want.at, at);
  ASSERT_EQ(want.tables.size(), 1u);
  EXPECT_EQ(want.tables[0].walked_to, "b");
  EXPECT_FALSE(walks.has_news());
  EXPECT_TRUE(walks.take_news(at).is_empty());
}

TEST(Walks, AComparisonIsToldWhenItsTransactionIsApplied) {
  Walks walks;
  walks.clear();
  Comparison comparison;
  comparison.table = "public.document";
  comparison.seq = 6;
  walks.tell(comparison);
  walks.tell(comparison);  // the transaction was tried again
  Position at;
  at.seq = 5;
  EXPECT_TRUE(walks.take_news(at).is_empty());
  at.seq = 6;
  EXPECT_EQ(walks.take_news(at).comparisons.size(), 1u);
}

}  // namespace
}  // namespace tributary
