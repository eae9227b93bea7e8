#include "monitor/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <sstream>

namespace tributary {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kNow = 1'770'120'420'000;  // 2026-02-03 12:07 UTC

class RenderTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  static status::NodeStatus node(const std::string& name, const std::string& tier) {
    status::NodeStatus node;
    node.set_node(name);
    node.set_tier(tier);
    node.set_version("0.1.0");
    node.set_health(status::OK);
    node.set_started_at(kNow - 185 * kMinute);
    node.set_reported_at(kNow);
    node.mutable_database()->set_health(status::OK);
    node.mutable_database()->set_server_version("15.6");
    return node;
  }
  static status::NodeStatus leaf() {
    auto leaf = node("district-a", "district");
    auto& capture = *leaf.mutable_capture();
    capture.set_health(status::OK);
    capture.set_state("streaming");
    capture.set_transactions(1204);
    capture.set_changes(8310);
    auto& table = *capture.add_tables();
    table.set_name("public.document");
    table.set_row_filter("status = 'approved'");
    table.set_filter_in_publication(true);
    capture.add_tables()->set_name("public.photo");
    auto& queue = *leaf.mutable_queue();
    queue.set_health(status::OK);
    queue.set_disk_free_bytes(20ULL << 30);
    auto& uplink = *leaf.mutable_uplink();
    uplink.set_health(status::OK);
    uplink.set_state("connected");
    uplink.set_parent("region-1");
    uplink.set_endpoint("127.0.0.1:7400");
    uplink.set_connected_since(kNow - 4 * kMinute);
    uplink.set_applied_position("3f2a9c11/1204@0/16B3748");
    uplink.set_round_trip_ms(800);
    return leaf;
  }
  static status::Child& add_child(status::NodeStatus& parent, const status::NodeStatus& report) {
    auto& child = *parent.add_children();
    child.set_node(report.node());
    child.set_health(status::OK);
    child.set_state("connected");
    child.set_connected_since(kNow - 4 * kMinute);
    child.set_applied_position("3f2a9c11/1204@0/16B3748");
    child.set_lag_seconds(0.42);
    *child.mutable_status() = report;
    return child;
  }
  static status::NodeStatus region() {
    auto region = node("region-1", "region");
    region.mutable_intake()->set_health(status::OK);
    region.mutable_intake()->set_listen("0.0.0.0:7400");
    return region;
  }
  static std::string text_of(const status::NodeStatus& node) { return render(node, {.now = kNow}); }
};

TEST_F(RenderTest, AHealthyLeaf) {
  EXPECT_EQ(text_of(leaf()), R"(district-a (district): healthy, tributary 0.1.0, up 3 h 5 min

database  healthy, PostgreSQL 15.6
capture   streaming; 1,204 transactions with 8,310 changes since the agent
          started
tables    public.document where status = 'approved'
          public.photo
queue     empty; 20 GiB of disk free
uplink    connected; region-1 at 127.0.0.1:7400 since 12:03 (4 min); applied
          there: 3f2a9c11/1204@0/16B3748; round trip 0.8 s
)");
}

TEST_F(RenderTest, AHeldChild) {
  auto region = this->region();
  add_child(region, leaf());
  auto& held = add_child(region, leaf());
  held.set_node("district-b");
  held.set_health(status::HELD);
  held.set_state("held");
  held.set_message("public.document: duplicate key (23505)");
  held.set_deletes_not_owned(7);
  auto& queue = *held.mutable_status()->mutable_queue();
  queue.set_batches(12);
  queue.set_bytes(12'897'485);
  queue.set_oldest_seconds(240);
  auto& notice = *region.add_notices();
  notice.set_subject("child district-b");
  notice.set_health(status::HELD);
  notice.set_message("public.document: duplicate key (23505)");
  notice.set_hint("mend the row in the parent's database; the agent tries again each minute by itself");
  notice.set_since(kNow - 4 * kMinute);
  EXPECT_EQ(text_of(region), R"(region-1 (region): healthy, 1 child held, tributary 0.1.0, up 3 h 5 min

! child district-b held since 12:03 (4 min): public.document: duplicate key
  (23505)
  what to do: mend the row in the parent's database; the agent tries again each
    minute by itself

database  healthy, PostgreSQL 15.6
intake    healthy, listening at 0.0.0.0:7400
children
  |- district-a (district): connected, lag 0.4 s, applied
  |  3f2a9c11/1204@0/16B3748
  |  its queue: empty
  `- district-b (district): held: public.document: duplicate key (23505), lag
     0.4 s, applied 3f2a9c11/1204@0/16B3748
     deletions left out, of rows that are not its own here: 7
     its queue: 12 batches waiting, 12.3 MiB, oldest 4 min
)");
}

TEST_F(RenderTest, AnOfflineParent) {
  auto leaf = this->leaf();
  leaf.set_health(status::OFFLINE);
  leaf.mutable_queue()->set_batches(1);
  leaf.mutable_queue()->set_bytes(2048);
  leaf.mutable_queue()->set_oldest_seconds(3.2);
  auto& uplink = *leaf.mutable_uplink();
  uplink.set_health(status::OFFLINE);
  uplink.set_state("connecting");
  uplink.set_message("connection refused");
  uplink.set_connected_since(0);
  uplink.set_offline_since(kNow - 4 * kMinute);
  EXPECT_EQ(text_of(leaf), R"(district-a (district): offline, tributary 0.1.0, up 3 h 5 min

database  healthy, PostgreSQL 15.6
capture   streaming; 1,204 transactions with 8,310 changes since the agent
          started
tables    public.document where status = 'approved'
          public.photo
queue     1 batch waiting, 2 KiB, oldest 3.2 s; 20 GiB of disk free
uplink    offline since 12:03 (4 min): connection refused; region-1 at
          127.0.0.1:7400; applied there: 3f2a9c11/1204@0/16B3748
)");
}

TEST_F(RenderTest, AChildThatWasNeverSeen) {
  auto region = this->region();
  auto& child = *region.add_children();
  child.set_node("district-a");
  child.set_health(status::ATTENTION);
  child.set_state("never seen");
  EXPECT_EQ(text_of(region), R"(region-1 (region): healthy, 1 child to look at, tributary 0.1.0, up 3 h 5 min

database  healthy, PostgreSQL 15.6
intake    healthy, listening at 0.0.0.0:7400
children
  `- district-a: never seen
)");
}

TEST_F(RenderTest, ATreeOfThreeTiersInUtf8) {
  auto region = this->region();
  add_child(region, leaf());
  auto nation = node("nation", "nation");
  add_child(nation, region);
  auto& away = add_child(nation, region);
  away.set_node("region-2");
  away.set_health(status::OFFLINE);
  away.set_state("offline");
  away.set_connected_since(0);
  away.set_offline_since(kNow - 4 * kMinute);
  away.mutable_status()->clear_children();
  away.mutable_status()->set_reported_at(kNow - 5 * kMinute);
  EXPECT_THAT(render(nation, {.now = kNow, .is_utf8 = true, .width = 100}), HasSubstr(R"(
children
  ├─ region-1 (region): connected, lag 0.4 s, applied 3f2a9c11/1204@0/16B3748
  │  └─ district-a (district): connected, lag 0.4 s, applied 3f2a9c11/1204@0/16B3748
  │     its queue: empty
  └─ region-2 (region): offline since 12:03 (4 min), applied 3f2a9c11/1204@0/16B3748
     last report 12:02 (5 min)
)"));
}

TEST_F(RenderTest, WhatIsNotWellBelowIsNamed) {
  auto below = leaf();
  below.mutable_capture()->set_health(status::HELD);
  below.mutable_capture()->set_message("the slot is gone");
  auto& notice = *below.add_notices();
  notice.set_subject("table public.document");
  notice.set_health(status::ATTENTION);
  notice.set_message("12 rows not copied");
  auto region = this->region();
  add_child(region, below);
  const auto text = text_of(region);
  EXPECT_THAT(text, HasSubstr("     its capture: held: the slot is gone\n"));
  EXPECT_THAT(text, HasSubstr("     its table public.document: 12 rows not copied\n"));
}

TEST_F(RenderTest, ColoursOnlyOnRequestAndWithoutBreakingTheLines) {
  auto leaf = this->leaf();
  EXPECT_THAT(text_of(leaf), Not(HasSubstr("\x1b")));
  const auto coloured = render(leaf, {.now = kNow, .is_coloured = true});
  EXPECT_THAT(coloured, HasSubstr("district-a (district): \x1b[32mhealthy\x1b[0m, tributary"));
  EXPECT_THAT(coloured, HasSubstr("since the agent\n          started\n"));
}

TEST_F(RenderTest, NoLineIsWiderThanThePage) {
  auto leaf = this->leaf();
  std::string words;
  for (int i = 0; i < 60; ++i) words += "word ";
  leaf.mutable_uplink()->set_message(words);
  std::istringstream lines(text_of(leaf));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST_F(RenderTest, TheLastComparisonsAreShown) {
  auto node = leaf();
  EXPECT_THAT(render(node, {}), Not(HasSubstr("compared")));
  auto& tables = *node.mutable_capture()->mutable_tables();
  tables[0].mutable_verified()->set_finished_at(kNow - 4 * kMinute);
  tables[1].mutable_verified()->set_finished_at(kNow - 5 * kMinute);
  RenderOptions options;
  options.now = kNow;
  EXPECT_THAT(render(node, options), HasSubstr("compared  2 tables equal, 12:02 (5 min)\n"));
  tables[0].mutable_verified()->set_different(2);
  tables[0].mutable_verified()->set_is_mended(true);
  node.mutable_capture()->mutable_verification()->set_state(status::Verification::UNDER_WAY);
  node.mutable_capture()->mutable_verification()->set_started_at(kNow - 2 * kMinute);
  const std::string text = render(node, options);
  EXPECT_THAT(text, HasSubstr("compared  under way since 12:05 (2 min)\n"));
  EXPECT_THAT(text, HasSubstr("          public.document 12:03 (4 min): 2 different, mended\n"));
  EXPECT_THAT(text, HasSubstr("          1 table equal, 12:02 (5 min)\n"));
}

}  // namespace
}  // namespace tributary
