// Which values of a filter have to be asked for, and the statement that asks.
#include "source/filter_memo.h"

#include <gtest/gtest.h>

#include "change/payload.h"

namespace tributary {
namespace {

CapturedTable documents() {
  CapturedTable table;
  table.oid = 16385;
  table.wire_columns = 3;
  table.sent.schema = "public";
  table.sent.name = "document";
  table.row_filter = "status = 'approved' AND is_public";
  table.filter_columns = {2, 1};
  table.filter_column_names = {"status", "is_public"};
  table.filter_column_types = {"\"public\".\"state\"", "\"pg_catalog\".\"bool\""};
  return table;
}

std::string tuple(const std::vector<Value>& values) {
  std::string bytes;
  write_tuple(bytes, values);
  return bytes;
}
Value text(std::string_view value) {
  return {ValueKind::text, value};
}

TEST(FilterStatement, CastsEachColumnUnderItsOwnName) {
  EXPECT_EQ(filter_statement(documents()),
            "SELECT (status = 'approved' AND is_public) IS TRUE FROM (SELECT "
            "v.c1::\"public\".\"state\" AS \"status\", v.c2::\"pg_catalog\".\"bool\" AS \"is_public\", "
            "v.n AS \"tributary number\" FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS v(c1, c2, n)) AS "
            "\"document\" ORDER BY \"tributary number\"");
}

TEST(FilterStatement, QuotesNames) {
  CapturedTable table = documents();
  table.sent.name = "Odd \"name\"";
  table.filter_column_names = {"Stäte \"now\"", "select"};
  const std::string statement = filter_statement(table);
  EXPECT_NE(statement.find("AS \"Stäte \"\"now\"\"\""), std::string::npos) << statement;
  EXPECT_NE(statement.find("AS \"select\""), std::string::npos) << statement;
  EXPECT_NE(statement.find("AS \"Odd \"\"name\"\"\" ORDER BY"), std::string::npos) << statement;
}

TEST(FilterStatement, AFilterMayEndInAComment) {
  CapturedTable table = documents();
  table.row_filter = "is_public -- only these";
  EXPECT_TRUE(filter_statement(table).starts_with("SELECT (is_public -- only these\n) IS TRUE FROM "));
}

TEST(FilterMemo, KnowsNothingOfARowItHasNotAskedFor) {
  FilterMemo memo;
  const std::string row = tuple({text("1"), text("t"), text("approved")});
  EXPECT_FALSE(memo.look_up(documents(), RowMessage{'I', 16385, 0, {}, row, false}));
}

TEST(FilterMemo, RefusesARowOfAnotherShape) {
  FilterMemo memo;
  const std::string row = tuple({text("1"), text("t")});
  EXPECT_THROW(memo.look_up(documents(), RowMessage{'I', 16385, 0, {}, row, false}), Error);
  EXPECT_THROW(memo.look_up(documents(), RowMessage{'D', 16385, 'K', row, {}, false}), Error);
}

// The filter's columns of a row: status, is_public.
std::string asked(std::string_view status, std::string_view is_public) {
  return tuple({text(status), text(is_public)});
}

TEST(FilterMemo, AnUnchangedFilterColumnIsThatOfEitherKindOfOldRow) {
  FilterMemo memo;
  memo.learn(16385, asked("draft", "t"), {Verdict::no, {}});
  memo.learn(16385, asked("approved", "t"), {Verdict::yes, {}});
  const std::string old_row = tuple({text("1"), text("t"), text("draft")});
  const std::string row = tuple({text("1"), {ValueKind::unchanged, {}}, text("approved")});
  for (const char old_kind : {'K', 'O'}) {
    const auto verdicts = memo.look_up(documents(), RowMessage{'U', 16385, old_kind, old_row, row, true});
    ASSERT_TRUE(verdicts) << old_kind;
    EXPECT_EQ(verdicts->old_row, Verdict::no);
    EXPECT_EQ(verdicts->new_row, Verdict::yes);
  }
}

TEST(FilterMemo, TellsWhyThereIsNoAnswer) {
  FilterMemo memo;
  memo.learn(16385, asked("approved", "t"), {Verdict::unknown, "22012"});
  const std::string row = tuple({text("1"), text("t"), text("approved")});
  const auto verdicts = memo.look_up(documents(), RowMessage{'I', 16385, 0, {}, row, false});
  ASSERT_TRUE(verdicts);
  EXPECT_EQ(verdicts->new_row, Verdict::unknown);
  const Error error = unanswered_filter(documents(), verdicts->sqlstate);
  EXPECT_EQ(error.kind(), ErrorKind::setup);
  EXPECT_EQ(error.message(), "the row filter of public.document cannot be evaluated for a row (SQLSTATE 22012)");
  EXPECT_NE(error.hint(), "");
}

TEST(FilterMemo, ForgetsOnlyWhenItIsTrimmed) {
  const std::string row = tuple({text("1"), text("t"), text("approved")});
  const RowMessage message{'I', 16385, 0, {}, row, false};
  FilterMemo memo;
  memo.learn(16385, asked("approved", "t"), {Verdict::yes, {}});
  memo.trim();
  EXPECT_TRUE(memo.look_up(documents(), message));

  for (uint32_t i = 0; i < 100'000; ++i) memo.learn(16386 + i % 2, asked("s", std::to_string(i)), {Verdict::no, {}});
  EXPECT_TRUE(memo.look_up(documents(), message)) << "it may be what a row waits for";
  memo.trim();
  EXPECT_FALSE(memo.look_up(documents(), message)) << "100,001 entries";

  memo.learn(16385, asked("approved", "t"), {Verdict::yes, {}});
  const std::string large(20 << 20, 'x');
  memo.learn(16385, asked("a", large), {Verdict::no, {}});
  memo.trim();
  EXPECT_TRUE(memo.look_up(documents(), message));
  memo.learn(16386, asked("b", large), {Verdict::no, {}});
  memo.forget(16386);
  memo.trim();
  EXPECT_TRUE(memo.look_up(documents(), message)) << "what is forgotten does not count";
  memo.learn(16386, asked("b", large), {Verdict::no, {}});
  memo.trim();
  EXPECT_FALSE(memo.look_up(documents(), message)) << "40 MiB";
}

}  // namespace
}  // namespace tributary
