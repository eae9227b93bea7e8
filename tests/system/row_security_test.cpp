// Row-level security must not hide rows from the agent: what it reads would lack them, and the parent would lose them.
// PostgreSQL refuses the reading instead, the status says what mends it, and the refresh goes on when it is mended.
#include <gmock/gmock.h>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;

class RowSecurityTest : public testing::Test {
 protected:
  RowSecurityTest() {
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district",
                           .parent = "region",
                           .tables = {{.name = "public.note", .where = "is_public"}, {.name = "public.other"}}});
    tree.exec_everywhere(R"(
      CREATE TABLE note (id int PRIMARY KEY, body text NOT NULL, is_public boolean NOT NULL);
      CREATE TABLE other (id int PRIMARY KEY);
    )");
    district().sql().exec(
        "INSERT INTO note SELECT n, 'note ' || n, n % 3 > 0 FROM generate_series(1, 500) n;"
        "INSERT INTO other SELECT generate_series(1, 500)");
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  void secure_rows() {
    district().sql().exec("CREATE POLICY few ON note USING (id <= 10); ALTER TABLE note ENABLE ROW LEVEL SECURITY");
  }
  status::Notice notice() {
    const status::NodeStatus status = district().agent().status();
    for (const status::Notice& notice : status.notices())
      if (notice.subject() == "refresh of table public.note") return notice;
    return {};
  }
  // Said in words that a person can act on, and mended by what they say.
  void expect_refused_until_mended() {
    wait_until("the district says it", [&] { return !notice().message().empty(); });
    EXPECT_THAT(notice().message(), HasSubstr("42501"));
    EXPECT_THAT(notice().hint(), HasSubstr("tributary init"));
    EXPECT_THAT(district().init(), HasSubstr("BYPASSRLS"));
    tree.expect_equal();
    wait_until("nothing is said any more", [&] { return notice().message().empty(); });
  }
  int64_t notes_at_region() { return region().sql().number("SELECT count(*) FROM note"); }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
};

TEST_F(RowSecurityTest, a_table_that_is_compared_loses_nothing) {
  tree.start();
  tree.expect_equal();
  const int64_t notes = notes_at_region();
  secure_rows();
  region().sql().exec("UPDATE note SET body = 'somebody changed it' WHERE id = 100");
  EXPECT_THAT(district().agent().command({"resync", "public.note", "--follow"}).output,
              HasSubstr("PostgreSQL refuses to read it"));
  EXPECT_EQ(notes_at_region(), notes);
  district().sql().exec("INSERT INTO note VALUES (501, 'live', true); DELETE FROM note WHERE id = 1");
  wait_until("the stream goes on", [&] {
    return region().sql().number("SELECT count(*) FROM note WHERE id = 501 OR id = 1") == 1 &&
           notes_at_region() == notes;
  });
  EXPECT_THAT(notice().hint(), HasSubstr("tributary init"));
  EXPECT_THAT(district().init(), HasSubstr("BYPASSRLS"));
  EXPECT_EQ(district().agent().command({"resync", "public.note", "--follow"}).exit_code, 0);
  tree.expect_equal();
}

TEST_F(RowSecurityTest, a_table_that_is_copied_waits_and_no_other_does) {
  tree.init();
  secure_rows();
  for (const auto& node : tree.nodes()) node->agent().start();
  wait_until("the other table is copied", [&] { return region().sql().number("SELECT count(*) FROM other") == 500; });
  EXPECT_EQ(notes_at_region(), 0);
  expect_refused_until_mended();
}

}  // namespace
}  // namespace tributary::test
