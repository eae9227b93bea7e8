#include "config/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"

namespace tributary {
namespace {

TableConfig table(const std::string& name, const std::string& where = "") {
  TableConfig table;
  table.name = name;
  table.where = where;
  return table;
}

ChildConfig child(const std::string& name) {
  ChildConfig child;
  child.name = name;
  return child;
}

using testing::ElementsAre;
using testing::IsEmpty;

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() {
    now_.file = "/etc/tributary/tributary.toml";
    now_.node.name = "region-1";
    now_.database.connection = "dbname=slm";
    now_.tables = {table("document"), table("photo")};
    now_.parent = ParentConfig{"nation", {"nation:7400"}};
    now_.intake.emplace();
    now_.intake->listen = "0.0.0.0:7400";
    now_.intake->tables = {"public.*"};
    now_.intake->children = {child("a"), child("b")};
    read_ = now_;
  }
  ReloadPlan plan() const { return plan_reload(now_, read_); }
  bool is_same_for(const std::string& child) const { return is_same_for_child(*now_.intake, *read_.intake, child); }
  // All that was read is in force.
  void expect_taken(const std::string& change) {
    EXPECT_THAT(plan().changes, ElementsAre(change));
    EXPECT_THAT(plan().needs_restart, IsEmpty());
    EXPECT_EQ(plan().config, read_);
  }
  // Nothing of it is.
  void expect_left(const std::string& what) {
    EXPECT_THAT(plan().changes, IsEmpty());
    EXPECT_THAT(plan().needs_restart, ElementsAre(what));
    EXPECT_EQ(plan().config, now_);
  }

  Config now_, read_;
};

TEST_F(ReloadTest, TheSameFileChangesNothing) {
  EXPECT_THAT(plan().changes, IsEmpty());
  EXPECT_THAT(plan().needs_restart, IsEmpty());
  EXPECT_EQ(plan().config, now_);
}

TEST_F(ReloadTest, AChildThatJoinsConcernsNoOther) {
  read_.intake->children.push_back(child("c"));
  expect_taken("[[child]] c: added");
  EXPECT_TRUE(is_same_for("a"));
  EXPECT_FALSE(is_same_for("c"));
}

TEST_F(ReloadTest, AChildThatLeavesConcernsTheLastOneThatIsLeft) {
  read_.intake->children.pop_back();
  expect_taken("[[child]] b: removed");
  EXPECT_FALSE(is_same_for("b"));
  EXPECT_FALSE(is_same_for("a")) << "an only child may clear tables";
}

TEST_F(ReloadTest, AChildsRightsConcernThatChild) {
  read_.intake->children[1].owns = "district = 'B'";
  expect_taken("[[child]] b: changed");
  EXPECT_TRUE(is_same_for("a"));
  EXPECT_FALSE(is_same_for("b"));
}

TEST_F(ReloadTest, WhatIntakeAllowsConcernsAllChildren) {
  read_.intake->tables = {"public.document"};
  expect_taken("[intake]: changed, for all children");
  EXPECT_FALSE(is_same_for("a"));
}

TEST_F(ReloadTest, TheNumberOfConnectionsConcernsNoSession) {
  read_.intake->connections_max = 2;
  expect_taken("[intake] connections: 2");
  EXPECT_TRUE(is_same_for("a"));
}

TEST_F(ReloadTest, TablesAreNamed) {
  read_.tables = {table("document", "approved"), table("measurement")};
  EXPECT_THAT(plan().changes, ElementsAre("[[table]] public.document: changed", "[[table]] public.measurement: added",
                                          "[[table]] public.photo: removed"));
  EXPECT_EQ(plan().config, read_);
}

TEST_F(ReloadTest, AnotherPlaceOfTheParentIsTakenUp) {
  read_.parent->endpoints = {"elsewhere:7400"};
  expect_taken("[parent]: changed, this node connects to it again");
}

TEST_F(ReloadTest, LimitsAreTakenUpAndTheQueueStaysWhereItIs) {
  read_.queue.keep = std::chrono::seconds(1);
  read_.queue.path = "/elsewhere/queue.db";
  EXPECT_THAT(plan().changes, ElementsAre("[queue]: changed"));
  EXPECT_THAT(plan().needs_restart, ElementsAre("[queue] path"));
  EXPECT_EQ(plan().config.queue.path, now_.queue.path);
  EXPECT_EQ(plan().config.queue.keep, read_.queue.keep);
}

TEST_F(ReloadTest, ANameIsForLife) {
  read_.node.name = "region-2";
  expect_left("[node]");
}

TEST_F(ReloadTest, TheDatabaseStays) {
  read_.database.connection = "dbname=other";
  expect_left("[database]");
}

TEST_F(ReloadTest, TheListeningAddressStays) {
  read_.intake->listen = "0.0.0.0:7500";
  expect_left("[intake] listen");
}

TEST_F(ReloadTest, ANodeThatStopsSendingGoesOnUntilTheRestart) {
  read_.parent.reset();
  read_.tables.clear();
  expect_left("[parent] and its [[table]]");
}

TEST_F(ReloadTest, ANodeThatBeginsToTakeChildrenDoesSoAfterTheRestart) {
  now_.intake.reset();
  expect_left("[intake] and its [[child]]");
}

}  // namespace
}  // namespace tributary
