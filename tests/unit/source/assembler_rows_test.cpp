// What becomes of a row: whole, in part, as a key, or not at all.
#include "unit/source/assembler_fixture.h"

namespace tributary {
namespace {

constexpr Verdict kNo = Verdict::no, kYes = Verdict::yes, kUnknown = Verdict::unknown;

class RowsTest : public AssemblerTest {
 protected:
  RowsTest() { begin_of(700, 100); }
  void begin_with(CapturedTable table) {
    start_with(std::move(table));
    begin_of(700, 100);
  }
  // What the changes since became, in one transaction. "": none was made.
  std::string became() {
    commit(110);
    std::string text = taken();
    begin_of(700, 200);
    const std::string end = "; commit 700";
    if (text.empty()) return text;
    return text.substr(5, text.size() - 5 - end.size());
  }
};

TEST_F(RowsTest, CommonOnesPassAsTheyAre) {
  insert({"1", "one", "a"});
  update({"1", "uno", "a"});
  update({"1", nullptr, kSame});
  remove({"1", nullptr, nullptr});
  clear();
  EXPECT_EQ(became(), "insert 1 one a; put 1 uno a; patch 1 - =; remove 1 - -; clear");
}

TEST_F(RowsTest, FollowsTheFilter) {
  insert({"1", "draft", "a"}, kNo);
  EXPECT_EQ(became(), "");
  update({"1", "draft", "b"}, kNo, kNo);
  EXPECT_EQ(became(), "");
  update('K', {"1", "draft", nullptr}, {"1", "approved", "b"}, kNo, kYes);
  EXPECT_EQ(became(), "insert 1 approved b");
  update({"1", "approved", "c"}, kYes, kYes);
  EXPECT_EQ(became(), "put 1 approved c");
  update('K', {"1", "approved", nullptr}, {"1", "draft", "c"}, kYes, kNo);
  EXPECT_EQ(became(), "remove 1 - -");
  remove({"1", nullptr, nullptr}, kNo);
  EXPECT_EQ(became(), "");
  remove({"1", nullptr, nullptr}, kYes);
  EXPECT_EQ(became(), "remove 1 - -");
}

TEST_F(RowsTest, ChangesItsKeyAsADeleteAndAWholeRow) {
  update('K', {"1", nullptr, nullptr}, {"2", "one", "a"});
  EXPECT_EQ(became(), "remove 1 - -; insert 2 one a");
  update('O', {"1", "one", "a"}, {"2", "one", "a"});
  EXPECT_EQ(became(), "remove 1 - -; insert 2 one a");
  update('K', {"1", nullptr, nullptr}, {"2", "one", "a"}, kNo, kYes);
  EXPECT_EQ(became(), "insert 2 one a");
  update('K', {"1", nullptr, nullptr}, {"2", "one", "a"}, kYes, kNo);
  EXPECT_EQ(became(), "remove 1 - -");
  update('K', {"1", nullptr, nullptr}, {"2", "one", "a"}, kNo, kNo);
  EXPECT_EQ(became(), "") << "a draft's key never leaves";
}

TEST_F(RowsTest, AnOldTupleWithTheSameKeyIsNoKeyChange) {
  update('K', {"1", "old", nullptr}, {"1", "new", kSame});
  EXPECT_EQ(became(), "patch 1 new =");
  update('K', {"1", "old", nullptr}, {"1", "new", "a"});
  EXPECT_EQ(became(), "put 1 new a");
}

TEST_F(RowsTest, KeysAreComparedByTheirBytes) {
  update('K', {"1.0", nullptr, nullptr}, {"1.00", "one", "a"});
  EXPECT_EQ(became(), "remove 1.0 - -; insert 1.00 one a");
}

TEST_F(RowsTest, BecomesVisibleWholeOrAsAStaleKey) {
  insert({"1", "one", kSame});
  EXPECT_EQ(became(), "stale 1 - -");
  update('K', {"1", nullptr, nullptr}, {"1", "one", kSame}, kNo, kYes);
  EXPECT_EQ(became(), "stale 1 - -");
  update('K', {"1", nullptr, nullptr}, {"2", "one", kSame});
  EXPECT_EQ(became(), "remove 1 - -; stale 2 - -");
}

TEST_F(RowsTest, TheWholeOldRowFillsWhatIsUnchanged) {
  update('O', {"1", "draft", "body"}, {"1", "approved", kSame}, kNo, kYes);
  EXPECT_EQ(became(), "insert 1 approved body");
  update('O', {"1", "one", nullptr}, {"2", kSame, kSame});
  EXPECT_EQ(became(), "remove 1 - -; insert 2 one -");
  update('O', {"1", "one", kSame}, {"2", "two", kSame});
  EXPECT_EQ(became(), "remove 1 - -; stale 2 - -");
}

TEST_F(RowsTest, AnOldRowWhoseFilterCannotBeEvaluatedIsStaleUnlessItIsReplaced) {
  update('K', {"1", nullptr, nullptr}, {"1", "one", "a"}, kUnknown, kYes);
  EXPECT_EQ(became(), "put 1 one a");
  update('K', {"1", nullptr, nullptr}, {"1", "one", kSame}, kUnknown, kYes);
  EXPECT_EQ(became(), "stale 1 - -");
  update('K', {"1", nullptr, nullptr}, {"2", "one", "a"}, kUnknown, kYes);
  EXPECT_EQ(became(), "stale 1 - -; put 2 one a");
  update('K', {"1", nullptr, nullptr}, {"1", "draft", "a"}, kUnknown, kNo);
  EXPECT_EQ(became(), "stale 1 - -");
  update('K', {"1", nullptr, nullptr}, {"2", "draft", "a"}, kUnknown, kNo);
  EXPECT_EQ(became(), "stale 1 - -") << "a draft's key never leaves";
  remove({"4", nullptr, nullptr}, kUnknown);
  EXPECT_EQ(became(), "stale 4 - -");
}

TEST_F(RowsTest, NothingLeavesOfANewRowWhoseFilterCannotBeEvaluated) {
  EXPECT_THROW(insert({"3", "three", "c"}, kUnknown), Error);
  EXPECT_THROW(update({"1", "one", "a"}, kUnknown, kUnknown), Error);
  EXPECT_THROW(update('K', {"1", nullptr, nullptr}, {"2", "one", "a"}, kYes, kUnknown), Error);
  EXPECT_EQ(became(), "");
}

TEST_F(RowsTest, AKeyTooLargeToComeAgainIsThatOfTheOldRow) {
  update('K', {"long", nullptr, nullptr}, {kSame, "new", "a"});
  EXPECT_EQ(became(), "put long new a");
  update('K', {"long", nullptr, nullptr}, {kSame, "new", kSame});
  EXPECT_EQ(became(), "patch long new =");
  update('O', {"long", "old", "a"}, {kSame, "new", "b"});
  EXPECT_EQ(became(), "put long new b");
  update('K', {"long", "draft", nullptr}, {kSame, "approved", "a"}, kNo, kYes);
  EXPECT_EQ(became(), "insert long approved a");
  update('K', {"long", "draft", nullptr}, {kSame, "approved", kSame}, kNo, kYes);
  EXPECT_EQ(became(), "stale long - -");

  CapturedTable table = document();
  table.sent.columns[1].is_key = true;
  table.key_columns = {0, 1};
  begin_with(table);
  update('K', {"1", "long", nullptr}, {"2", kSame, "a"});
  EXPECT_EQ(became(), "remove 1 long -; insert 2 long a");
}

TEST_F(RowsTest, ChangesLoggedWithoutTheIdentityCannotBeTold) {
  CapturedTable table = document();
  table.identity_lacked = "id";
  begin_with(table);
  insert({"1", "one", "a"});
  EXPECT_EQ(became(), "insert 1 one a");
  for (const bool is_delete : {false, true}) try {
      if (is_delete)
        remove({nullptr, "one", nullptr});
      else
        update({"2", "one", "a"});
      ADD_FAILURE() << "a change without its old key passed";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::stream_lost);
      EXPECT_EQ(error.message(), "rows of public.document were changed while its replica identity lacked id");
    }
}

TEST_F(RowsTest, OnlyTheListedColumnsLeave) {
  CapturedTable table = document();  // title stays here
  table.sent.columns.erase(table.sent.columns.begin() + 1);
  table.sent_columns = {0, 2};
  begin_with(table);
  insert({"1", "secret", "a"});
  update({"1", "secret", kSame});
  update('K', {"1", "secret", nullptr}, {"2", "secret", "b"});
  update('O', {"2", "secret", "b"}, {"2", "secret", kSame}, kNo, kYes);
  remove({"2", "secret", nullptr});
  EXPECT_EQ(became(), "insert 1 a; patch 1 =; remove 1 -; insert 2 b; insert 2 b; remove 2 -");
}

TEST_F(RowsTest, AKeyOfSeveralColumnsInAnyPlace) {
  CapturedTable table = document();
  table.sent.columns[0].is_key = false;
  table.sent.columns[1].is_key = table.sent.columns[2].is_key = true;
  table.key_columns = {1, 2};
  begin_with(table);
  update('K', {nullptr, "a", "1"}, {"x", "a", "2"});
  update('K', {nullptr, "a", "2"}, {"y", "a", "2"});
  EXPECT_EQ(became(), "remove - a 1; insert x a 2; put y a 2");
}

TEST_F(RowsTest, ARowOfAnotherShapeIsAnError) {
  EXPECT_THROW(update('K', {"1", "two"}, {"1", "two", "three"}), Error);
  EXPECT_THROW(remove({"1"}), Error);
}

}  // namespace
}  // namespace tributary
