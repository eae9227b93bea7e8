#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flow/file_checks.h"
#include "flow/link_checks.h"

namespace tributary {
namespace {

using std::chrono::hours;
using std::chrono::system_clock;
using testing::HasSubstr;
using testing::StartsWith;

Findings session(const status::NodeStatus& agent) {
  Findings findings;
  check_session(agent, "nation", findings);
  return findings;
}

TEST(RunningAgent, TellsHowFarApartTheClocksAre) {
  status::NodeStatus agent;
  agent.mutable_uplink()->set_connected_since(1);
  agent.mutable_uplink()->set_endpoint("nation:7400");
  ASSERT_EQ(session(agent).size(), 2u);
  EXPECT_EQ(session(agent)[0].what, "the running agent is connected to nation at nation:7400");
  EXPECT_EQ(session(agent)[1].verdict, Verdict::ok);
  agent.mutable_uplink()->set_clock_offset_ms(-92'000);
  EXPECT_EQ(session(agent)[1].verdict, Verdict::warning);
  EXPECT_EQ(session(agent)[1].what, "this machine's clock is 1m32s ahead of that of nation");
  EXPECT_THAT(session(agent)[1].mend, StartsWith("timedatectl set-ntp true"));
  agent.mutable_uplink()->set_clock_offset_ms(3'600'000);
  EXPECT_EQ(session(agent)[1].what, "this machine's clock is 1h behind that of nation");
}

TEST(RunningAgent, WithoutASessionSaysWhatItsStatusSays) {
  status::NodeStatus agent;
  agent.mutable_uplink()->set_message("refused: unknown node");
  agent.mutable_uplink()->set_health(status::HELD);
  auto& notice = *agent.add_notices();
  notice.set_message("refused: unknown node");
  notice.set_hint("add a [[child]]");
  ASSERT_EQ(session(agent).size(), 1u);
  EXPECT_EQ(session(agent)[0].verdict, Verdict::stops);
  EXPECT_EQ(session(agent)[0].what, "the running agent is not connected to nation: refused: unknown node");
  EXPECT_EQ(session(agent)[0].mend, "add a [[child]]");
}

TEST(CertificateFacts, AreJudgedByTheClock) {
  const auto now = system_clock::now();
  const auto judge = [&](hours from, hours until) {
    Findings findings;
    CertificateFacts facts;
    facts.not_before = now + from;
    facts.not_after = now + until;
    check_certificate_facts("it", facts, "renew", now, findings);
    return findings.at(0);
  };
  EXPECT_EQ(judge(hours(-1), hours(24 * 31)).verdict, Verdict::ok);
  EXPECT_EQ(judge(hours(-1), hours(24 * 29)).what, "it ends in 29 days");
  EXPECT_EQ(judge(hours(-1), hours(24 * 29)).verdict, Verdict::warning);
  EXPECT_EQ(judge(hours(-99), hours(-1)).what, "it has expired today");
  EXPECT_EQ(judge(hours(-99), hours(-72)).what, "it has expired 3 days ago");
  EXPECT_EQ(judge(hours(-99), hours(-72)).verdict, Verdict::stops);
  EXPECT_EQ(judge(hours(2), hours(99)).what, "it is not valid yet");
  EXPECT_THAT(judge(hours(2), hours(99)).mend, HasSubstr("clock"));
}

TEST(QueueDisk, HoldsTheBoundsOfTheQueueAgainstWhatIsFree) {
  QueueConfig queue;
  queue.bytes_max = 8ULL << 30;
  queue.free_disk_min = 1ULL << 30;
  EXPECT_EQ(check_queue_disk(queue, 9ULL << 30, 0).verdict, Verdict::ok);
  EXPECT_EQ(check_queue_disk(queue, 5ULL << 30, 4ULL << 30).verdict, Verdict::ok) << "what it has already counts";
  const Finding narrow = check_queue_disk(queue, 5ULL << 30, 0);
  EXPECT_EQ(narrow.verdict, Verdict::warning);
  EXPECT_THAT(narrow.what, HasSubstr("the queue comes to 4 GiB, not to [queue] max_bytes = 8 GiB"));
  EXPECT_EQ(check_queue_disk(queue, 1ULL << 29, 0).verdict, Verdict::stops);
}

}  // namespace
}  // namespace tributary
