// Transactions, positions and parts: what reaches the queue, and what was there before.
#include <algorithm>

#include "unit/source/assembler_fixture.h"

namespace tributary {
namespace {

constexpr size_t kPartBytes = Assembler::kPartBytes;

class PositionsTest : public AssemblerTest {
 protected:
  void expect_stream_lost(const std::function<void()>& story) {
    try {
      story();
      ADD_FAILURE() << "another history was continued";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::stream_lost) << error.message();
    }
  }
  void insert_large(size_t bytes) {
    const std::string body(bytes, 'b');
    insert({"1", "large", body.c_str()});
  }
};

TEST_F(PositionsTest, ATableIsLeftOutFromTheNextTransactionOnUntilItIsTakenIn) {
  begin_of(700, 100);
  insert({"1", "one", nullptr});
  assembler->leave_out({"public.document"});
  insert({"2", "in the same transaction", nullptr});
  commit(110);
  transaction(701, 200, {"3", "left out", nullptr});
  begin_of(702, 300);
  EXPECT_TRUE(assembler->is_left_out("public.document"));
  assembler->take_in("public.document");
  commit(310);
  transaction(703, 400, {"4", "in again", nullptr});
  const Assembled group = take();
  EXPECT_EQ(text_of(group),
            "0-2: insert 1 one -; insert 2 in the same transaction -; commit 700; insert 4 in again -; commit 703");
  EXPECT_EQ(group.confirm_lsn, (Lsn{410}));
}

TEST_F(PositionsTest, ConsecutiveTransactionsShareABatch) {
  transaction(700, 100, {"1", "one", nullptr});
  transaction(701, 200, {"2", "two", "b"});
  const Assembled group = take();
  EXPECT_EQ(text_of(group), "0-2: insert 1 one -; commit 700; insert 2 two b; commit 701");
  EXPECT_EQ(group.batches[0].from, head);
  EXPECT_EQ(group.batches[0].to, advance(advance(head, commit_of(700, 100)), commit_of(701, 200)));
  EXPECT_EQ(group.batches[0].first_commit_time, time_of(700));
  EXPECT_EQ(group.last_commit, commit_of(701, 200));
  EXPECT_EQ(group.confirm_lsn, (Lsn{210}));
  EXPECT_EQ(group.transactions, 2U);
  EXPECT_EQ(group.changes, 2U);
  ASSERT_EQ(group.relations.size(), 1U);
  EXPECT_EQ(group.relations[0], document().sent);

  transaction(702, 300, {"3", "three", "c"});
  const Assembled next = take();
  EXPECT_EQ(text_of(next), "2-3: insert 3 three c; commit 702");
  EXPECT_EQ(next.batches[0].from, group.batches[0].to);
  EXPECT_TRUE(next.relations.empty());
}

TEST_F(PositionsTest, AnOpenTransactionStaysBehind) {
  transaction(700, 100, {"1", "one", "a"});
  begin_of(701, 200);
  insert({"2", "two", "b"});
  const Assembled group = take();
  EXPECT_EQ(text_of(group), "0-1: insert 1 one a; commit 700");
  EXPECT_EQ(group.last_commit, commit_of(700, 100));
  EXPECT_EQ(group.confirm_lsn, (Lsn{110}));
  insert({"3", "three", "c"});
  commit(210);
  EXPECT_EQ(taken(), "1-2: insert 2 two b; insert 3 three c; commit 701");
}

TEST_F(PositionsTest, AnEmptyTransactionIsConfirmedAndTakesNoPlace) {
  begin_of(700, 100);
  commit(110);
  begin_of(701, 200);
  insert({"1", "draft", "a"}, Verdict::no);
  commit(210);
  EXPECT_FALSE(assembler->has_changes());
  const Assembled nothing = take();
  EXPECT_TRUE(nothing.batches.empty());
  EXPECT_FALSE(nothing.last_commit);
  EXPECT_EQ(nothing.confirm_lsn, (Lsn{210}));
  transaction(702, 300, {"1", "one", "a"});
  EXPECT_EQ(taken(), "0-1: insert 1 one a; commit 702");
}

TEST_F(PositionsTest, AKeepaliveConfirmsOnlyBetweenTransactions) {
  assembler->keepalive(Lsn{90});
  EXPECT_EQ(assembler->confirm_lsn(), (Lsn{90}));
  begin_of(700, 100);
  assembler->keepalive(Lsn{150});
  EXPECT_EQ(assembler->confirm_lsn(), (Lsn{90}));
  insert({"1", "one", "a"});
  commit(110);
  EXPECT_EQ(assembler->confirm_lsn(), (Lsn{110}));
  assembler->keepalive(Lsn{105});
  EXPECT_EQ(assembler->confirm_lsn(), (Lsn{110}));
  assembler->keepalive(Lsn{400});
  const Assembled group = take();
  EXPECT_EQ(group.confirm_lsn, (Lsn{400}));
  EXPECT_EQ(group.batches.size(), 1U) << "what is confirmed is in the same group";
}

TEST_F(PositionsTest, SkipsWhatTheQueueHas) {
  start(commit_of(701, 200), true);
  transaction(700, 100, {"1", "one", "a"});
  begin_of(701, 200);
  EXPECT_TRUE(assembler->is_skipping());
  insert({"2", "two", "b"});
  clear();
  insert_large(kPartBytes + 1);
  commit(210);
  EXPECT_FALSE(assembler->is_skipping());
  EXPECT_EQ(taken(), "");
  transaction(702, 300, {"3", "three", "c"});
  EXPECT_EQ(taken(), "0-1: insert 3 three c; commit 702");
}

TEST_F(PositionsTest, ASlotThatIsNotBehindBringsOnlyNewTransactions) {
  start(commit_of(701, 200), false);
  assembler->keepalive(Lsn{250});
  transaction(702, 300, {"3", "three", "c"});
  EXPECT_EQ(taken(), "0-1: insert 3 three c; commit 702");
}

TEST_F(PositionsTest, TheLastStoredTransactionMustComeAgain) {
  start(commit_of(701, 200), true);
  transaction(700, 100, {"1", "one", "a"});
  expect_stream_lost([&] { begin_of(702, 300); });
}

TEST_F(PositionsTest, AKeepaliveBeyondTheLastStoredTransactionTellsThatItIsMissing) {
  start(commit_of(701, 200), true);
  assembler->keepalive(Lsn{150});
  EXPECT_EQ(assembler->confirm_lsn(), (Lsn{150}));
  expect_stream_lost([&] { assembler->keepalive(Lsn{210}); });
  EXPECT_EQ(assembler->confirm_lsn(), (Lsn{150}));
}

TEST_F(PositionsTest, ATransactionThatEndsAcrossTheLastStoredOneIsAnotherHistory) {
  start(commit_of(701, 200), true);
  begin_of(701, 195);
  insert({"1", "one", "a"});
  expect_stream_lost([&] { commit(230); });
}

TEST_F(PositionsTest, AnotherTransactionInItsPlaceIsAnotherHistory) {
  for (const auto& [xid, time] : {std::pair{705U, time_of(701)}, std::pair{701U, time_of(701) + 1}}) {
    start(commit_of(701, 200), true);
    assembler->begin({Lsn{200}, time, xid});
    insert({"1", "one", "a"});
    expect_stream_lost([&, at = time] { assembler->commit({Lsn{210}, at}); });
  }
}

TEST_F(PositionsTest, MessagesOutOfPlaceAreErrors) {
  EXPECT_THROW(commit(110), Error);
  begin_of(700, 100);
  EXPECT_THROW(begin_of(701, 200), Error);
}

TEST_F(PositionsTest, ALargeTransactionLeavesInPartsBeforeItsEnd) {
  transaction(700, 100, {"0", "small", "s"});
  begin_of(701, 200);
  insert_large(kPartBytes);
  insert_large(kPartBytes);
  const Assembled first = take();
  EXPECT_EQ(text_of(first),
            "0-1: insert 0 small s; commit 700 | 1-1 part 0...: insert 1 large 4194304B | "
            "1-1 part 1...: insert 1 large 4194304B");
  EXPECT_EQ(first.last_commit, commit_of(700, 100)) << "the large one is not whole";
  EXPECT_EQ(first.confirm_lsn, (Lsn{110}));
  EXPECT_EQ(first.batches[1].from, first.batches[0].to);
  EXPECT_EQ(first.batches[2].to, first.batches[0].to);
  EXPECT_EQ(first.batches[2].first_commit_time, time_of(701));
  assembler->keepalive(Lsn{190});
  EXPECT_EQ(assembler->confirm_lsn(), (Lsn{110}));

  insert({"2", "rest", "r"});
  commit(210);
  transaction(702, 300, {"3", "next", "n"});
  const Assembled second = take();
  EXPECT_EQ(text_of(second), "1-2 part 2: insert 2 rest r; commit 701 | 2-3: insert 3 next n; commit 702");
  EXPECT_EQ(second.batches[0].to, advance(first.batches[0].to, commit_of(701, 200)));
  EXPECT_TRUE(second.batches[0].is_last_part);
  EXPECT_EQ(second.last_commit, commit_of(702, 300));
}

TEST_F(PositionsTest, ALargeTransactionThatEndsAtAPartsEndStillHasItsCommit) {
  begin_of(700, 100);
  insert_large(kPartBytes);
  commit(110);
  EXPECT_EQ(taken(), "0-0 part 0...: insert 1 large 4194304B | 0-1 part 1: commit 700");
}

TEST_F(PositionsTest, HeldBytesAreBoundedByWhoeverTakes) {
  begin_of(700, 100);
  for (int i = 0; i < 10; ++i) {
    insert_large(kPartBytes / 2);
    EXPECT_LE(assembler->pending_bytes(), kPartBytes + 1000);
    take();
  }
  commit(110);
  EXPECT_NE(taken(), "");
}

TEST_F(PositionsTest, ATableThatChangesIsAnnouncedAgainAndToldApart) {
  begin_of(700, 100);
  insert({"1", "one", "a"});
  CapturedTable altered = document();
  altered.sent.columns[1].name = "headline";
  assembler->define(altered);
  insert({"2", "two", "b"});
  commit(110);
  const Assembled group = take();
  ASSERT_EQ(group.relations.size(), 2U);
  ASSERT_EQ(group.batches.size(), 1U);
  EXPECT_EQ(group.batches[0].relations, (std::vector<uint64_t>{document().sent.shape_id(), altered.sent.shape_id()}));
}

TEST_F(PositionsTest, ABatchOfManySmallTransactionsIsClosedWhenItIsLarge) {
  const std::string body(Assembler::kBatchBytes / 3, 'b');
  uint32_t xid = 700;
  for (uint64_t lsn = 100; lsn <= 700; lsn += 100) transaction(xid++, lsn, {"1", "t", body.c_str()});
  const Assembled group = take();
  ASSERT_EQ(group.batches.size(), 3U);
  EXPECT_EQ(group.batches[0].to.seq, 3U);
  EXPECT_EQ(group.batches[1].from, group.batches[0].to);
  EXPECT_EQ(group.batches[1].to.seq, 6U);
  EXPECT_EQ(group.batches[2].to.seq, 7U);
}

TEST_F(PositionsTest, MemoryOfAStoredBatchIsUsedAgainWithoutItsContent) {
  begin_of(700, 100);
  insert_large(100'000);
  commit(110);
  Assembled first = take();
  const char* const memory = first.batches[0].payload.data();
  assembler->reuse(std::move(first.batches[0].payload));
  transaction(701, 200, {"2", "two", "b"});
  EXPECT_EQ(text_of(take()), "1-2: insert 2 two b; commit 701");
  transaction(702, 300, {"3", "three", "c"});
  const Assembled third = take();
  EXPECT_EQ(text_of(third), "2-3: insert 3 three c; commit 702");
  EXPECT_EQ(third.batches[0].payload.data(), memory);
}

TEST_F(PositionsTest, WhatARefreshFoundIsAllThatItsTransactionHolds) {
  transaction(700, 100, {"1", "t", "b"});
  begin_of(701, 200);
  assembler->refresh(ChangeKind::chunk, document().sent, "a chunk", 3);
  commit(210);
  Relation other = document().sent;
  other.name = "other";
  begin_of(702, 300);
  assembler->refresh(ChangeKind::digest, other, "a digest", 0);
  commit(310);
  const Assembled group = take();
  ASSERT_EQ(group.batches.size(), 1U);
  EXPECT_EQ(group.batches[0].relations, (std::vector<uint64_t>{document().sent.shape_id(), other.shape_id()}));
  EXPECT_EQ(group.batches[0].changes, 1U + 4U + 1U);
  EXPECT_EQ(group.relations.back(), other) << "whose shape no change has told yet";
  EXPECT_EQ(group.batches[0].to.seq, 3U);
  std::vector<std::string> chunks;
  for (PayloadReader in(group.batches[0].payload); !in.at_end();) {
    const Record record = in.next();
    const auto* change = std::get_if<ChangeView>(&record);
    if (change && (change->kind == ChangeKind::chunk || change->kind == ChangeKind::digest))
      chunks.emplace_back(change->tuple);
  }
  EXPECT_EQ(chunks, (std::vector<std::string>{"a chunk", "a digest"}));
}

TEST_F(PositionsTest, WhoeverWatchesIsToldOfEveryChangeThatLeaves) {
  std::string told;
  assembler->watch([&](const CapturedTable& table, ChangeKind kind, std::string_view tuple) {
    told += static_cast<char>(kind) + std::to_string(table.oid) + (tuple.empty() ? "" : "+");
  });
  begin_of(700, 100);
  insert({"1", "t", "b"});
  insert({"2", "draft", "b"}, Verdict::no);
  update({"1", "t", kSame});
  remove({"1", nullptr, nullptr});
  clear();
  commit(110);
  assembler->watch({});
  transaction(701, 200, {"3", "t", "b"});
  EXPECT_EQ(told, "I1+U1+D1+T1");
}

}  // namespace
}  // namespace tributary
