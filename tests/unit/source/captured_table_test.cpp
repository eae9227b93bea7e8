// What pgoutput announces of a table against what the catalogue says of it.
#include "source/captured_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tributary {
namespace {

using Names = std::vector<std::string>;

// id (the key), status (which the filter reads), body.
class CapturedTableTest : public testing::Test {
 protected:
  CapturedTableTest() {
    table.oid = announced.oid = 16385;
    table.relation.schema = announced.schema = "public";
    table.relation.name = announced.name = "document";
    for (const char* name : {"id", "status", "body"}) {
      Column& column = table.relation.columns.emplace_back();
      column.name = name;
      column.type_oid = 25;
      column.is_key = column.name == "id";
      table.send.push_back(true);
      announced.columns.push_back({false, name, 25, -1});
    }
  }
  // The identity when the rows were written, and the one of now.
  void identities(char then, const Names& columns_then, char now, const Names& columns_now) {
    announced.identity = then;
    for (auto& column : announced.columns)
      column.is_identity =
          then == 'f' || std::find(columns_then.begin(), columns_then.end(), column.name) != columns_then.end();
    table.replica_identity = now;
    table.identity_columns = columns_now;
  }
  void filter_by_status() {
    table.row_filter = "status = 'approved'";
    table.filter_columns = {"status"};
    table.filter_column_types = {"\"public\".\"state\""};
  }
  CapturedTable captured() const { return captured_table(announced, table); }
  void expect_lacking(const std::string& columns) {
    try {
      captured();
      ADD_FAILURE() << "captured without " << columns;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::setup);
      EXPECT_EQ(error.message(), "table public.document: its replica identity lacks " + columns);
      EXPECT_THAT(error.hint(), testing::HasSubstr("tributary init"));
    }
  }

  RelationMessage announced;
  SourceTable table;
};

TEST_F(CapturedTableTest, TheIdentityHoldsTheKey) {
  for (const char identity : {'d', 'i'}) {
    identities(identity, {"id"}, identity, {"id"});
    EXPECT_EQ(captured().identity_lacked, "");
  }
  identities('f', {}, 'f', {});
  EXPECT_EQ(captured().identity_lacked, "");
}

TEST_F(CapturedTableTest, AnIdentityWithoutTheKeyIsRefused) {
  identities('i', {"status"}, 'i', {"status"});
  expect_lacking("id");
  identities('n', {}, 'n', {});
  expect_lacking("id");
}

TEST_F(CapturedTableTest, TheIdentityHoldsTheColumnsOfTheFilter) {
  filter_by_status();
  identities('i', {"id", "status"}, 'i', {"id", "status"});
  EXPECT_EQ(captured().identity_lacked, "");
  identities('f', {}, 'f', {});
  EXPECT_EQ(captured().identity_lacked, "");
  identities('d', {"id"}, 'd', {"id"});
  expect_lacking("status");
}

TEST_F(CapturedTableTest, RowsFromBeforeTheIdentityWasMendedAreMarked) {
  filter_by_status();
  identities('n', {}, 'i', {"id", "status"});
  EXPECT_EQ(captured().identity_lacked, "id, status");
  identities('d', {"id"}, 'f', {});
  EXPECT_EQ(captured().identity_lacked, "status");
}

TEST_F(CapturedTableTest, RowsFromBeforeTheIdentityWasNarrowedAreRight) {
  identities('d', {"id"}, 'n', {});
  EXPECT_EQ(captured().identity_lacked, "");
}

TEST_F(CapturedTableTest, WhatALeafLackedIsInItsOwnAnnouncement) {
  filter_by_status();
  table.is_partitioned = true;
  identities('d', {"id"}, 'i', {"id", "status"});
  EXPECT_EQ(identity_lacked_by_leaf(announced, table), "status");
  identities('i', {"id", "status"}, 'd', {"id"});
  EXPECT_EQ(identity_lacked_by_leaf(announced, table), "");
  identities('f', {}, 'd', {"id"});
  EXPECT_EQ(identity_lacked_by_leaf(announced, table), "");
}

TEST_F(CapturedTableTest, APartitionedTableHasTheIdentityOfItsLeaves) {
  table.is_partitioned = true;
  identities('n', {}, 'd', {"id"});  // the root is announced
  EXPECT_EQ(captured().identity_lacked, "");
  identities('d', {"id"}, 'i', {"status"});
  expect_lacking("id");
  identities('d', {"id"}, 'f', {});
  EXPECT_EQ(captured().identity_lacked, "");
}

}  // namespace
}  // namespace tributary
