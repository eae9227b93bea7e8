#include "monitor/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace tributary {
namespace {

using testing::HasSubstr;
using testing::Not;

// With everything that a status can hold.
status::NodeStatus district() {
  status::NodeStatus node;
  node.set_node("district-a");
  node.set_tier("district");
  node.set_version("0.1.0");
  node.set_health(status::OK);
  node.set_reported_at(1'770'120'420'500);
  node.mutable_database()->set_health(status::OK);
  auto& capture = *node.mutable_capture();
  capture.set_health(status::OK);
  capture.set_transactions(12);
  capture.set_received_lsn("1/10");
  capture.set_confirmed_lsn("0/FF");
  capture.mutable_verification()->set_state(status::Verification::FINISHED);
  auto& table = *capture.add_tables();
  table.set_name("public.document");
  table.set_stale_rows(3);
  auto& verified = *table.mutable_verified();
  verified.set_finished_at(1'770'120'000'000);
  verified.set_different(2);
  auto& finding = *verified.add_findings();
  finding.set_reason(status::Finding::EDITED);
  finding.set_rows(2);
  node.mutable_queue()->set_oldest_seconds(1.5);
  node.mutable_uplink()->set_offline_since(1'770'120'419'500);
  return node;
}
status::NodeStatus region() {
  status::NodeStatus node = district();
  node.set_node("region-1");
  node.set_tier("region");
  node.mutable_intake()->set_health(status::OK);
  auto& child = *node.add_children();
  child.set_node("district-a");
  child.set_health(status::HELD);
  child.set_transactions(7);
  *child.mutable_status() = district();
  return node;
}

TEST(Metrics, are_those_of_the_node_and_of_every_node_below_it) {
  const std::string text = to_metrics(region());
  EXPECT_THAT(text, HasSubstr("# TYPE tributary_capture_transactions_total counter\n"));
  EXPECT_THAT(text, HasSubstr("tributary_capture_transactions_total{node=\"region-1\"} 12\n"));
  EXPECT_THAT(text, HasSubstr("tributary_capture_transactions_total{node=\"district-a\"} 12\n"));
  EXPECT_THAT(text, HasSubstr("tributary_node_info{node=\"district-a\",tier=\"district\",version=\"0.1.0\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tributary_child_held{node=\"region-1\",child=\"district-a\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tributary_capture_received_wal_bytes{node=\"district-a\"} 4294967312\n"));
  EXPECT_THAT(text, HasSubstr("tributary_lag_seconds{node=\"district-a\"} 1.5\n"));
  EXPECT_THAT(text, HasSubstr("tributary_uplink_offline_seconds{node=\"district-a\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tributary_table_stale_rows{node=\"district-a\",table=\"public.document\"} 3\n"));
  EXPECT_THAT(text,
              HasSubstr("tributary_verification_different_rows{node=\"district-a\",table=\"public.document\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("tributary_verification_finding_rows{node=\"district-a\",table=\"public.document\","
                              "reason=\"edited\"} 2\n"));
}

TEST(Metrics, a_part_that_the_node_does_not_have_is_not_shown) {
  status::NodeStatus nation = region();
  for (const char* part : {"capture", "queue", "uplink"})
    nation.GetReflection()->ClearField(&nation, nation.GetDescriptor()->FindFieldByName(part));
  nation.clear_children();
  const std::string text = to_metrics(nation);
  EXPECT_THAT(text, HasSubstr("tributary_intake_up"));
  for (const char* part : {"tributary_capture", "tributary_queue", "tributary_uplink", "tributary_lag"})
    EXPECT_THAT(text, Not(HasSubstr(part)));
}

// Prometheus refuses an answer that has one sample twice.
TEST(Metrics, a_child_that_names_nodes_and_tables_twice_spoils_nothing) {
  status::NodeStatus liar = region();
  liar.set_node("liar");
  liar.mutable_capture()->add_tables()->set_name("public.document");
  status::NodeStatus top = region();
  auto& child = *top.add_children();
  child.set_node("liar");
  *child.mutable_status() = liar;
  *child.mutable_status()->mutable_children(0)->mutable_status() = region();
  top.mutable_capture()->mutable_tables(0)->set_name("a \"b\"\\\nc");
  std::istringstream lines(to_metrics(top));
  std::set<std::string> samples;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("#")) {
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
  EXPECT_TRUE(samples.contains(R"(tributary_table_copied{node="region-1",table="a \"b\"\\\nc"})"));
}

struct Documented {
  std::string name, type;
  auto operator<=>(const Documented&) const = default;
};

// The rows "| `tributary_...` | gauge | ..." of docs/metrics.md.
std::set<Documented> documented() {
  std::ifstream in(std::filesystem::path(TRIBUTARY_SOURCE_DIR) / "docs" / "metrics.md");
  const std::regex row("\\| `(tributary_[a-z_]+)` \\| ([a-z]+) \\|.*");
  std::set<Documented> metrics;
  std::smatch match;
  for (std::string line; std::getline(in, line);)
    if (std::regex_match(line, match, row)) {
      EXPECT_TRUE(metrics.insert({match[1], match[2]}).second) << line;
    }
  return metrics;
}

TEST(Metrics, all_are_in_the_documentation_and_no_others) {
  std::set<Documented> described, shown;
  for (const MetricDescription& metric : all_metrics())
    described.insert({metric.name, metric.is_counter ? "counter" : "gauge"});
  std::istringstream lines(to_metrics(region()));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, what, name, type;
    words >> hash >> what >> name >> type;
    if (what == "TYPE") shown.insert({name, type});
  }
  EXPECT_EQ(documented(), described);
  EXPECT_EQ(shown, described) << "every one is reached by a status";
}

TEST(Metrics, pass_promtool) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed";
  const auto file = std::filesystem::temp_directory_path() / ("metrics-test-" + std::to_string(getpid()));
  std::ofstream(file) << to_metrics(region());
  const int result = std::system(("promtool check metrics < " + file.string()).c_str());
  std::filesystem::remove(file);
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace tributary
