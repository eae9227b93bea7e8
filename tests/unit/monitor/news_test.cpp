#include "monitor/news.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

using namespace std::chrono_literals;

status::NodeStatus region() {
  status::NodeStatus report;
  report.set_node("region-1");
  report.mutable_queue()->set_health(status::OK);
  report.mutable_capture()->set_state("streaming");
  report.mutable_uplink()->set_state("connected");
  auto& child = *report.add_children();
  child.set_node("district-a");
  child.mutable_status()->set_node("district-a");
  child.mutable_status()->mutable_queue()->set_health(status::OK);
  return report;
}

bool is_news(const status::NodeStatus& now) {
  return without_figures(now).SerializeAsString() != without_figures(region()).SerializeAsString();
}

TEST(News, FiguresAreNone) {
  status::NodeStatus now = region();
  now.set_reported_at(5);
  now.mutable_capture()->set_changes(9);
  now.mutable_capture()->set_received_lsn("0/1");
  now.mutable_queue()->set_bytes(100);
  now.mutable_uplink()->set_round_trip_ms(3);
  now.mutable_children(0)->set_lag_seconds(2);
  now.mutable_children(0)->mutable_status()->set_reported_at(7);
  now.mutable_children(0)->mutable_status()->mutable_queue()->set_oldest_seconds(7);
  EXPECT_FALSE(is_news(now));
}

TEST(News, StatesAndNoticesAre) {
  status::NodeStatus now = region();
  now.add_notices()->set_message("the disk is nearly full");
  EXPECT_TRUE(is_news(now));
  now = region();
  now.mutable_queue()->set_health(status::OFFLINE);
  EXPECT_TRUE(is_news(now));
  now = region();
  now.mutable_children(0)->mutable_status()->mutable_queue()->set_message("full");
  EXPECT_TRUE(is_news(now));
  now = region();
  now.mutable_children(0)->set_state("offline");
  EXPECT_TRUE(is_news(now));
}

TEST(News, LargeReportsAreRarer) {
  EXPECT_EQ(pause_before_news(1000), 5s);
  EXPECT_EQ(pause_before_figures(1000), 30s);
  EXPECT_GT(pause_before_news(250'000), 30s);
  EXPECT_GT(pause_before_figures(250'000), 3min);
}

}  // namespace
}  // namespace tributary
