#include "monitor/status_board.h"

#include <gtest/gtest.h>

#include "monitor/bounds.h"
#include "monitor/health.h"

namespace tributary {
namespace {

class StatusBoardTest : public testing::Test {
 protected:
  int64_t now_ = 1'000'000;
  StatusBoard board_{"region-1", "region", "0.1.0", [this] { return now_; }};

  void everything_is_well() {
    board_.database().set_health(status::OK);
    board_.capture().set_health(status::OK);
    board_.queue().set_health(status::OK);
    board_.uplink().set_health(status::OK);
  }
};

TEST_F(StatusBoardTest, IsStartingUntilEveryPartHasReported) {
  EXPECT_EQ(board_.snapshot().health(), status::HEALTH_UNSPECIFIED);
  everything_is_well();
  board_.intake();
  EXPECT_EQ(board_.snapshot().health(), status::HEALTH_UNSPECIFIED);
  board_.intake().set_health(status::OK);
  EXPECT_EQ(board_.snapshot().health(), status::OK);
}

TEST_F(StatusBoardTest, HealthIsTheWorstOfThePartsAndHeldIsWorseThanOffline) {
  everything_is_well();
  board_.queue().set_health(status::ATTENTION);
  EXPECT_EQ(board_.snapshot().health(), status::ATTENTION);
  board_.uplink().set_health(status::OFFLINE);
  EXPECT_EQ(board_.snapshot().health(), status::OFFLINE);
  board_.capture().set_health(status::HELD);
  EXPECT_EQ(board_.snapshot().health(), status::HELD);
}

TEST_F(StatusBoardTest, AForgottenChildGoesWithItsNoticesAndItsReferencesStayValid) {
  board_.child("district-a");
  status::Child& gone = board_.child("district-b");
  board_.child("district-c");
  board_.set_notice("child district-b", status::HELD, "a duplicate key", "");
  board_.set_notice("child district-b, table public.t", status::ATTENTION, "a column is missing", "");
  board_.set_notice("child district-bb", status::ATTENTION, "another one", "");
  board_.forget_child("district-b");
  gone.set_state("offline");

  const auto snapshot = board_.snapshot();
  ASSERT_EQ(snapshot.children_size(), 2);
  EXPECT_EQ(snapshot.children(0).node(), "district-a");
  EXPECT_EQ(snapshot.children(1).node(), "district-c");
  ASSERT_EQ(snapshot.notices_size(), 1);
  EXPECT_EQ(snapshot.notices(0).subject(), "child district-bb");
  EXPECT_EQ(board_.child("district-b").state(), "never seen");
}

TEST_F(StatusBoardTest, PartsThatTheNodeDoesNotHaveAreAbsent) {
  const auto snapshot = board_.snapshot();
  EXPECT_TRUE(snapshot.has_database());
  EXPECT_FALSE(snapshot.has_capture());
  EXPECT_FALSE(snapshot.has_uplink());
  EXPECT_FALSE(snapshot.has_intake());
}

TEST_F(StatusBoardTest, ChildrenDoNotCountForTheNodeButTheirNoticesAreShown) {
  everything_is_well();
  board_.child("district-a").set_health(status::HELD);
  board_.set_notice("child district-a", status::HELD, "a duplicate key", "mend it");
  const auto snapshot = board_.snapshot();
  EXPECT_EQ(snapshot.health(), status::OK);
  ASSERT_EQ(snapshot.notices_size(), 1);
  EXPECT_EQ(snapshot.notices(0).subject(), "child district-a");
}

TEST_F(StatusBoardTest, ANoticeKeepsItsBeginningWhileOnlyItsWordsChange) {
  board_.set_notice("uplink", status::OFFLINE, "connection refused", "");
  now_ += 5000;
  board_.set_notice("uplink", status::OFFLINE, "timed out", "look at the firewall");
  auto snapshot = board_.snapshot();
  ASSERT_EQ(snapshot.notices_size(), 1);
  EXPECT_EQ(snapshot.notices(0).since(), 1'000'000);
  EXPECT_EQ(snapshot.notices(0).message(), "timed out");
  EXPECT_EQ(snapshot.notices(0).hint(), "look at the firewall");

  board_.set_notice("uplink", status::HELD, "refused", "");
  EXPECT_EQ(board_.snapshot().notices(0).since(), 1'005'000);
  board_.clear_notice("uplink");
  EXPECT_EQ(board_.snapshot().notices_size(), 0);
}

TEST_F(StatusBoardTest, NoticesComeWorstFirstThenOldestFirst) {
  board_.set_notice("queue", status::ATTENTION, "", "");
  now_ += 1;
  board_.set_notice("capture", status::HELD, "", "");
  now_ += 1;
  board_.set_notice("table public.photo", status::HELD, "", "");
  now_ += 1;
  board_.set_notice("uplink", status::OFFLINE, "", "");
  std::vector<std::string> subjects;
  const auto snapshot = board_.snapshot();
  for (const auto& notice : snapshot.notices()) subjects.push_back(notice.subject());
  EXPECT_EQ(subjects, (std::vector<std::string>{"capture", "table public.photo", "uplink", "queue"}));
}

TEST_F(StatusBoardTest, RowsThatAreNotCopiedAreNeverGreen) {
  everything_is_well();
  auto& table = *board_.capture().add_tables();
  table.set_name("public.document");
  table.set_rows_not_copied(1234);
  auto snapshot = board_.snapshot();
  EXPECT_EQ(snapshot.health(), status::ATTENTION);
  ASSERT_EQ(snapshot.notices_size(), 1);
  EXPECT_EQ(snapshot.notices(0).message(), "1,234 rows from before the stream began not copied to the parent yet");
  EXPECT_EQ(reasons_not_ready(snapshot).size(), 1u);

  table.set_rows_copied(617);
  EXPECT_EQ(board_.snapshot().notices(0).message(),
            "1,234 rows from before the stream began being copied to the parent, 50 % done");
  table.set_rows_per_second(61.7);
  EXPECT_EQ(board_.snapshot().notices(0).message(),
            "1,234 rows from before the stream began being copied to the parent, 50 % done, 61 rows/s, 10 s left");
  table.set_rows_per_second(0);
  table.set_rows_copied(2000);
  EXPECT_EQ(board_.snapshot().notices(0).message(),
            "1,234 rows from before the stream began being copied to the parent, 99 % done");
  table.set_is_copied(true);
  EXPECT_EQ(board_.snapshot().health(), status::OK);

  table.set_is_copied(false);
  table.set_rows_not_copied(-1);
  EXPECT_EQ(board_.snapshot().health(), status::ATTENTION);
  table.set_rows_not_copied(0);
  snapshot = board_.snapshot();
  EXPECT_EQ(snapshot.health(), status::OK);
  EXPECT_TRUE(reasons_not_ready(snapshot).empty());
}

TEST_F(StatusBoardTest, ReferencesStayValidWhileChildrenAreAdded) {
  auto& first = board_.child("district-0");
  for (int i = 1; i < 1000; ++i) board_.child("district-" + std::to_string(i));
  first.set_state("connected");
  EXPECT_EQ(board_.child("district-0").state(), "connected");
  EXPECT_EQ(board_.child("district-999").state(), "never seen");
  EXPECT_EQ(board_.snapshot().children_size(), 1000);
}

TEST_F(StatusBoardTest, AReportIsStoredUnderTheNameThatTheChildProved) {
  status::NodeStatus report;
  report.set_node("nation");
  board_.store_report("district-a", report);
  EXPECT_EQ(board_.child("district-a").status().node(), "district-a");
}

TEST_F(StatusBoardTest, ADeepReportIsCut) {
  status::NodeStatus report;
  auto* at = &report;
  for (int depth = 1; depth < 90; ++depth) at = at->add_children()->mutable_status();
  board_.store_report("district-a", report);
  int depth = 1;
  const auto* stored = &board_.child("district-a").status();
  EXPECT_EQ(stored->notices(0).subject(), "status");
  while (stored->children_size() && stored->children(0).has_status()) {
    stored = &stored->children(0).status();
    ++depth;
  }
  EXPECT_EQ(depth, kReportDepthMax);
}

TEST_F(StatusBoardTest, ALargeReportLosesTheFarthestNodesFirstAndSaysSo) {
  status::NodeStatus report;
  for (int i = 0; i < 100; ++i) {
    auto& child = *report.add_children();
    child.set_node("village-" + std::to_string(i));
    for (int j = 0; j < 10; ++j)
      child.mutable_status()->add_children()->mutable_status()->mutable_database()->set_message(std::string(900, 'x'));
  }
  ASSERT_GT(report.ByteSizeLong(), kReportBytesMax);
  board_.store_report("district-a", report);
  const auto& stored = board_.child("district-a").status();
  EXPECT_LE(stored.ByteSizeLong(), kReportBytesMax);
  ASSERT_EQ(stored.children_size(), 100);
  EXPECT_EQ(stored.children(99).status().children_size(), 10);
  EXPECT_FALSE(stored.children(0).status().children(0).has_status());
  ASSERT_EQ(stored.notices_size(), 1);
  EXPECT_EQ(stored.notices(0).health(), status::ATTENTION);
}

TEST_F(StatusBoardTest, AReportOfLongListsIsCut) {
  status::NodeStatus report;
  for (int i = 0; i < 2000; ++i) {
    report.add_children()->set_message(std::string(1000, 'x'));
    report.add_notices()->set_message(std::string(1000, 'x'));
    report.mutable_capture()->add_tables()->set_row_filter(std::string(1000, 'x'));
  }
  board_.store_report("district-a", report);
  EXPECT_LE(board_.child("district-a").status().ByteSizeLong(), kReportBytesMax);
  EXPECT_GT(board_.child("district-a").status().children_size(), 10);
}

TEST_F(StatusBoardTest, UnknownFieldsOfAReportAreDropped) {
  status::NodeStatus report;
  report.GetReflection()->MutableUnknownFields(&report)->AddLengthDelimited(1000, std::string(1 << 20, 'x'));
  board_.store_report("district-a", report);
  EXPECT_LT(board_.child("district-a").status().ByteSizeLong(), 100u);
}

TEST_F(StatusBoardTest, WordsFromOutsideCannotSteerATerminal) {
  status::NodeStatus report;
  report.mutable_uplink()->set_message(
      "red \x1b[31mor\nnot \xc2\x9b"
      "31m\xe2\x80\xae");
  report.add_notices()->set_hint(std::string(5000, 'x'));
  report.add_children()->mutable_status()->set_tier("a\x07");
  board_.store_report("district-a", report);
  const auto& stored = board_.child("district-a").status();
  EXPECT_EQ(stored.uplink().message(), "red [31mor not 31m");
  EXPECT_EQ(stored.notices(0).hint().size(), kTextCharactersMax);
  EXPECT_EQ(stored.children(0).status().tier(), "a");
}

TEST_F(StatusBoardTest, TheOwnWordsAreCleanToo) {
  board_.database().set_message("la base n'\xe9tait pas l\xc3\xa0\r\n");  // LATIN1 from a server, before it is known
  EXPECT_EQ(board_.snapshot().database().message(), "la base n'?tait pas l\xc3\xa0 ");
}

TEST(CleanTextTest, CutsBetweenCharactersAndReplacesWhatIsNotUtf8) {
  std::string umlauts;
  for (int i = 0; i < 1500; ++i) umlauts += "\xc3\xa4";
  EXPECT_EQ(clean_text(umlauts).size(), 2 * kTextCharactersMax);
  EXPECT_EQ(clean_text("a\xc3"), "a?");
  EXPECT_EQ(clean_text("\xe2\x82"
                       "b"),
            "??b");
  EXPECT_EQ(clean_text("\xc0\xaf"), "??");       // overlong
  EXPECT_EQ(clean_text("\xed\xa0\x80"), "???");  // a surrogate
  EXPECT_EQ(clean_text("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
}

TEST_F(StatusBoardTest, TheReportForTheParentIsWithinItsBounds) {
  for (int i = 0; i < 3000; ++i) board_.child("district-" + std::to_string(i)).set_message(std::string(500, 'x'));
  EXPECT_GT(board_.snapshot().ByteSizeLong(), kReportBytesMax);
  EXPECT_LE(board_.report_for_parent().ByteSizeLong(), kReportBytesMax);
}

}  // namespace
}  // namespace tributary
