#include "flow/likely_reasons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "change/column_value.h"
#include "change/payload.h"

namespace tributary {
namespace {

using testing::HasSubstr;
using Row = Comparison::InspectedRow;

constexpr uint32_t kInt4 = 23, kText = 25, kNumeric = 1700;

class LikelyReasonsTest : public testing::Test {
 protected:
  LikelyReasonsTest() {
    relation_.schema = "public";
    relation_.name = "document";
    relation_.columns = {
        {"id", kInt4, "", -1, true}, {"title", kText, "", -1, false}, {"area", kNumeric, "", -1, false}};
  }
  std::string own(const std::string& title, const std::string& area) const {
    std::string tuple;
    write_tuple(tuple, {{ValueKind::text, "7"}, {ValueKind::text, title}, {ValueKind::text, area}});
    return tuple;
  }
  Row theirs(const std::string& title, const std::string& area, bool as_text = false) const {
    Row row;
    row.is_here = true;
    row.values = {encode_column_value("7", kInt4, as_text), encode_column_value(title, kText, as_text),
                  encode_column_value(area, kNumeric, as_text)};
    return row;
  }
  // What is found for one row.
  status::Finding found(const std::string* own, const Row* theirs,
                        const std::vector<std::string>& triggers = {}) const {
    LikelyReasons reasons(relation_, "region");
    reasons.add({status::Difference::DIFFERENT, own, theirs}, triggers);
    const auto findings = reasons.findings();
    EXPECT_EQ(findings.size(), 1u);
    return findings.empty() ? status::Finding() : findings.front();
  }

  Relation relation_;
};

TEST_F(LikelyReasonsTest, a_row_with_other_values_was_edited_and_the_columns_are_named) {
  const std::string mine = own("title", "1.0");
  Row edited = theirs("edited", "1.0");
  const status::Finding finding = found(&mine, &edited);
  EXPECT_EQ(finding.reason(), status::Finding::EDITED);
  EXPECT_EQ(finding.message(), "changed at region by something else than its agent: column title");
  EXPECT_THAT(finding.hint(), HasSubstr("tributary verify public.document --repair"));
  edited.written_at = 1'770'120'420'000;
  EXPECT_THAT(found(&mine, &edited).message(), HasSubstr(", last at 2026-02-03 "));
}

TEST_F(LikelyReasonsTest, a_row_that_only_one_side_has) {
  const std::string mine = own("title", "1.0");
  const Row extra = theirs("title", "1.0");
  EXPECT_EQ(found(&mine, nullptr).reason(), status::Finding::DELETED);
  EXPECT_EQ(found(nullptr, &extra).reason(), status::Finding::INSERTED);
  EXPECT_THAT(found(nullptr, &extra).hint(), HasSubstr("--delete-extra"));
}

TEST_F(LikelyReasonsTest, a_foreign_row_is_told_before_everything_else) {
  const std::string mine = own("title", "1.0");
  Row foreign;
  foreign.is_here = foreign.is_foreign = true;
  EXPECT_EQ(found(&mine, &foreign, {"stamp"}).reason(), status::Finding::NOT_OWNED);
}

TEST_F(LikelyReasonsTest, a_trigger_is_named_with_what_disarms_it) {
  const std::string mine = own("title", "1.0");
  const Row stamped = theirs("stamped", "1.0");
  const status::Finding finding = found(&mine, &stamped, {"stamp"});
  EXPECT_EQ(finding.reason(), status::Finding::TRIGGER);
  EXPECT_THAT(finding.message(), HasSubstr("trigger stamp of the table at region fires"));
  EXPECT_THAT(finding.hint(), HasSubstr("ALTER TABLE public.document ENABLE TRIGGER \"stamp\""));
}

TEST_F(LikelyReasonsTest, other_spelling_and_stale_rows) {
  const std::string mine = own("title", "1.0");
  const Row spelled = theirs("title", "1.00");
  EXPECT_EQ(found(&mine, &spelled).reason(), status::Finding::WRITTEN_OTHERWISE);
  EXPECT_THAT(found(&mine, &spelled).message(), HasSubstr("column area"));
  Row stale;
  stale.stale_reason = "a value was not sent";
  EXPECT_EQ(found(&mine, &stale).reason(), status::Finding::REFUSED);
  EXPECT_THAT(found(&mine, &stale).message(), HasSubstr("a value was not sent"));
}

TEST_F(LikelyReasonsTest, what_is_equal_meanwhile_has_no_reason) {
  const std::string mine = own("title", "1.0");
  const Row same = theirs("title", "1.0");
  LikelyReasons reasons(relation_, "region");
  reasons.add({status::Difference::DIFFERENT, &mine, &same}, {"stamp"});
  reasons.add({status::Difference::EXTRA, nullptr, nullptr}, {});
  EXPECT_TRUE(reasons.findings().empty());
}

TEST_F(LikelyReasonsTest, the_reason_of_most_rows_comes_first) {
  const std::string mine = own("title", "1.0");
  const Row edited = theirs("edited", "2");
  LikelyReasons reasons(relation_, "region");
  reasons.add({status::Difference::MISSING, &mine, nullptr}, {});
  for (int i = 0; i < 3; ++i) reasons.add({status::Difference::DIFFERENT, &mine, &edited}, {});
  ASSERT_EQ(reasons.findings().size(), 2u);
  EXPECT_EQ(reasons.findings()[0].rows(), 3u);
  EXPECT_THAT(reasons.findings()[0].message(), HasSubstr("columns area, title"));
  EXPECT_EQ(reasons.findings()[1].reason(), status::Finding::DELETED);
}

TEST_F(LikelyReasonsTest, of_a_row_that_is_too_large_the_columns_are_not_known) {
  const std::string mine = own("title", "1.0");
  Row large;
  large.is_here = true;
  EXPECT_EQ(found(&mine, &large).message(), "changed at region by something else than its agent");
  EXPECT_EQ(different_columns(relation_, {status::Difference::DIFFERENT, &mine, &large}).size(), 0u);
}

TEST_F(LikelyReasonsTest, an_answer_of_another_table_is_refused) {
  const std::string mine = own("title", "1.0");
  Row row = theirs("x", "1");
  row.values.pop_back();
  LikelyReasons reasons(relation_, "region");
  EXPECT_THROW(reasons.add({status::Difference::DIFFERENT, &mine, &row}, {}), Error);
}

TEST_F(LikelyReasonsTest, shown_are_the_columns_that_differ_around_the_first_difference) {
  const std::string here = std::string(1000, 'a') + "\xc3\xa4\x1b[31m here" + std::string(1000, 'z');
  const std::string there = std::string(1000, 'a') + "\xc3\xb6 there";
  const std::string mine = own(here, "1.0");
  const Row row = theirs(there, "1.0", true);
  const auto columns = different_columns(relation_, {status::Difference::DIFFERENT, &mine, &row});
  ASSERT_EQ(columns.size(), 1u);
  EXPECT_EQ(columns[0].name(), "title");
  EXPECT_LT(columns[0].here().size(), 140u);
  EXPECT_THAT(columns[0].here(), HasSubstr("a\xc3\xa4"));
  EXPECT_THAT(columns[0].there(), HasSubstr("a\xc3\xb6 there"));
  EXPECT_EQ(columns[0].here().find('\x1b'), std::string::npos);
  const auto missing = different_columns(relation_, {status::Difference::MISSING, &mine, nullptr});
  ASSERT_EQ(missing.size(), 2u);
  EXPECT_FALSE(missing[1].has_there());
}

}  // namespace
}  // namespace tributary
