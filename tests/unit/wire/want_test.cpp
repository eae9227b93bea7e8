#include <gtest/gtest.h>

#include "wire/convert.h"

namespace tributary {
namespace {

TEST(WantOnTheLink, is_read_as_it_was_written) {
  Want want;
  want.at = {Uuid::random(), 7, {700}, 9};
  want.answers_inspections = true;
  Comparison comparison;
  comparison.table = "public.document";
  comparison.seq = 7;
  comparison.differences.push_back({1, 2, {{"key", {3, 4}}}, true});
  comparison.inspected.push_back({"key", true, false, "why", 1234, {"one", "two"}});
  comparison.inspected.push_back({"other", true, true, "", 0, {}});
  comparison.triggers = {"stamp"};
  want.comparisons.push_back(comparison);
  link::Want message;
  write_want(&message, want);
  const Want read = want_from(message);
  EXPECT_EQ(read.at, want.at);
  EXPECT_TRUE(read.answers_inspections);
  EXPECT_EQ(read.comparisons, want.comparisons);
}

}  // namespace
}  // namespace tributary
