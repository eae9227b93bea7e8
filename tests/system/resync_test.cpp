// A resync that has much to send is watched, stopped by a person, and gone on with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class ResyncTest : public testing::Test {
 protected:
  static constexpr int kDocuments = 40'000;

  ResyncTest() {
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district",
                           .parent = "region",
                           .tables = {{.name = "public.document"}},
                           .config = "[refresh]\nrows_per_second = 6000\n"});
    tree.exec_everywhere("CREATE TABLE document (id int PRIMARY KEY, title text)");
    const std::string insert = "INSERT INTO document SELECT n, 'title' FROM generate_series(1, " +
                               std::to_string(kDocuments) + ") n; ANALYZE document";
    for (Node* node : {region_, district_}) node->sql().exec(insert);
    tree.start();
    region().sql().exec("UPDATE document SET title = 'edited'");
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }
  int64_t edited() { return region().sql().number("SELECT count(*) FROM document WHERE title = 'edited'"); }
  std::string notice() {
    std::string text;
    const status::NodeStatus status = district().agent().status();
    for (const status::Notice& notice : status.notices()) text += notice.message() + "; " + notice.hint() + "\n";
    return text;
  }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
};

TEST_F(ResyncTest, followed_it_tells_rows_per_cent_rate_and_time_left) {
  const Outcome outcome = district().agent().command({"resync", "public.document", "--follow"}, seconds(180));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, testing::ContainsRegex("\npublic.document: [0-9,]+ of about 40,000 rows, [0-9]+ %, "
                                                     "[0-9,]+ rows/s, [0-9.]+ s left\n"));
  EXPECT_THAT(outcome.output,
              testing::ContainsRegex("\nmending public.document: [0-9,]+ of about 40,000 rows, [0-9]+ %"));
  EXPECT_THAT(outcome.output, HasSubstr("what differed was mended"));
  tree.expect_equal();
}

TEST_F(ResyncTest, stopped_in_its_middle_it_stands_until_it_is_ordered_again) {
  Outcome outcome;
  std::thread watching([&] {
    outcome = district().agent().command({"resync", "public.document", "--follow"}, seconds(180));
  });
  wait_until(
      "some rows are mended", [&] { return edited() < kDocuments; }, seconds(60));
  const Outcome cancelled = district().agent().command({"resync", "--cancel"});
  EXPECT_EQ(cancelled.exit_code, 0) << cancelled.output;
  watching.join();
  EXPECT_EQ(outcome.exit_code, 2) << outcome.output;
  wait_until("it is said", [&] { return notice().find("a person stopped its refresh at") != std::string::npos; });
  EXPECT_THAT(notice(), HasSubstr("tributary resync public.document goes on with it"));
  const int64_t rest = edited();
  EXPECT_GT(rest, 0);

  district().agent().kill();
  district().agent().start();
  district().sql().exec("INSERT INTO document VALUES (0, 'later')");
  wait_until("what comes later has arrived",
             [&] { return region().sql().number("SELECT count(*) FROM document WHERE id = 0") == 1; });
  wait_until("it is said again", [&] { return notice().find("a person stopped its refresh at") != std::string::npos; });
  EXPECT_EQ(edited(), rest);

  EXPECT_EQ(district().agent().command({"resync", "public.document", "--follow"}, seconds(180)).exit_code, 0);
  tree.expect_equal();
}

}  // namespace
}  // namespace tributary::test
