#include "monitor/check_report.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <sstream>

#include "monitor/json.h"

namespace tributary {
namespace {

using testing::HasSubstr;

void add(check::Report& report, check::Group group, check::Verdict verdict, const std::string& what,
         const std::string& why = {}, const std::string& mend = {}, check::Needs needs = check::NOTHING) {
  check::Fact& fact = *report.add_facts();
  fact.set_group(group);
  fact.set_verdict(verdict);
  fact.set_what(what);
  fact.set_why(why);
  fact.set_mend(mend);
  fact.set_needs(needs);
}

check::Report report() {
  check::Report report;
  report.set_node("region-1");
  report.set_stops(1);
  report.set_warnings(1);
  add(report, check::SERVER, check::OK, "PostgreSQL 15.18");
  add(report, check::SOURCE, check::STOPS, "wal_level is replica",
      "the write-ahead log does not hold what is to be sent", "ALTER SYSTEM SET wal_level = 'logical'", check::RESTART);
  add(report, check::SOURCE, check::WARNING,
      "filter column status of public.document may be NULL: the table needs REPLICA IDENTITY FULL, which writes more "
      "log",
      {}, "UPDATE public.document SET status = 'is a draft, and long' WHERE status = 'is a draft, and long'");
  return report;
}

TEST(CheckReport, IsGroupedAndCountedAtTheEnd) {
  EXPECT_EQ(render(report(), {.width = 80}), R"(server
  ok       PostgreSQL 15.18

source: what this node sends
  stops    wal_level is replica
           the write-ahead log does not hold what is to be sent
           -> ALTER SYSTEM SET wal_level = 'logical'
           -> then restart PostgreSQL: systemctl restart postgresql
  warning  filter column status of public.document may be NULL: the table needs
           REPLICA IDENTITY FULL, which writes more log
           -> UPDATE public.document SET status = 'is a draft, and long' WHERE
              status = 'is a draft, and long'

3 checks: 1 stops, 1 warning
)");
}

TEST(CheckReport, FitsTheTerminalAndIsWholeForPrograms) {
  std::istringstream narrow(render(report(), {.width = 60}));
  for (std::string line; std::getline(narrow, line);) EXPECT_LE(line.size(), 60u) << line;
  EXPECT_THAT(render(report(), {.width = 0}), HasSubstr("may be NULL: the table needs REPLICA IDENTITY FULL, which "));
  EXPECT_THAT(render(report(), {.is_coloured = true}), HasSubstr("\x1b[31mstops\x1b[0m    wal_level"));
}

// A blank inside quotes is part of what a person types.
TEST(CheckReport, BreaksNoLineInsideQuotes) {
  check::Report one;
  add(one, check::FILES, check::WARNING, "the node's key isn't here", {}, "put it into '/a b/c d/e f/g h/i j/k l/m n'");
  EXPECT_EQ(render(one, {.width = 42}), R"(files
  warning  the node's key isn't here
           -> put it into
              '/a b/c d/e f/g h/i j/k l/m n'

1 check: 0 stop, 0 warnings
)");
}

TEST(CheckReport, AsJsonHasEveryField) {
  const std::string json = to_json(report());
  EXPECT_THAT(json, HasSubstr(R"("verdict": "STOPS")"));
  EXPECT_THAT(json, HasSubstr(R"("needs": "RESTART")"));
  EXPECT_THAT(json, HasSubstr(R"("why": "")"));
  check::Report again;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &again).ok());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(again, report()));
}

}  // namespace
}  // namespace tributary
