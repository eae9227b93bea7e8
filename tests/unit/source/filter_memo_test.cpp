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

}  // namespace
}  // namespace tributary
