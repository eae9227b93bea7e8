// A district and its region, and what `tributary check` says of them.
#pragma once

#include <check.pb.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "support/hierarchy.h"

namespace tributary::test {

class CheckTest : public testing::Test {
 protected:
  explicit CheckTest(ClusterOptions server = {}) {
    region_ = &tree.add({.name = "region", .cluster = server});
    district_ = &tree.add({.name = "district",
                           .parent = "region",
                           .tables = {{.name = "public.note", .where = "status = 'approved'"}},
                           .cluster = server});
    tree.exec_everywhere(
        "CREATE TABLE note (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), status varchar(20) NOT NULL, body text);"
        "INSERT INTO note (status) VALUES ('approved')");
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  // The report; the exit code is what it should be for it.
  static check::Report report(Node& node, std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"check", "--json"});
    const Outcome outcome = node.agent().command(options);
    check::Report report;
    if (!google::protobuf::util::JsonStringToMessage(outcome.output, &report).ok())
      ADD_FAILURE() << "no report: " << outcome.output;
    EXPECT_EQ(outcome.exit_code, report.stops() > 0 ? 1 : 0);
    return report;
  }
  // "STOPS what -> mend (RESTART)", of those that are not well.
  static std::vector<std::string> troubles(const check::Report& report) {
    std::vector<std::string> said;
    for (const check::Fact& fact : report.facts()) {
      if (fact.verdict() == check::OK) {
        EXPECT_EQ(fact.mend(), "") << fact.what();
        continue;
      }
      EXPECT_NE(fact.mend(), "") << fact.what();
      said.push_back(check::Verdict_Name(fact.verdict()) + " " + fact.what() + " -> " + fact.mend() +
                     (fact.needs() == check::NOTHING ? "" : " (" + check::Needs_Name(fact.needs()) + ")"));
    }
    return said;
  }
  static std::vector<std::string> troubles(Node& node, std::vector<std::string> options = {"--offline"}) {
    return troubles(report(node, std::move(options)));
  }
  static std::vector<std::string> facts_that_are_well(Node& node, std::vector<std::string> options = {"--offline"}) {
    std::vector<std::string> said;
    const check::Report all = report(node, std::move(options));
    for (const check::Fact& fact : all.facts())
      if (fact.verdict() == check::OK) said.push_back(fact.what());
    return said;
  }
  // The statement of the mend that begins so, typed by an administrator.
  static void mend(Node& node, const std::string& statement) {
    node.sql().exec(statement);
    node.sql().exec("SELECT pg_reload_conf()");
  }

  // Servers as an administrator should have them; those of tests are faster.
  static ClusterOptions sound() { return {.fsync = true, .settings = {{"max_slot_wal_keep_size", "'10GB'"}}}; }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
};

}  // namespace tributary::test
