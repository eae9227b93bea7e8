// A district moves to another region while it writes, and the nation has every row in the end.
//
// What is done, in this order; the district's agent stands still meanwhile, its application does not:
//   1. The old region waits until the nation has applied all that came from the district.
//   2. At the nation `owns` of the regions is a list of districts, and the district goes from the one to the other. So
//      neither region's comparisons touch the other's rows, of which the old region still has old ones. Without `owns`
//      the old region's next refresh would take the new one's rows at the nation for its own that are gone.
//   3. At the old region [[child]] goes, and `where` leaves out the district's rows: they stay there, and go no
//   further.
//   4. At the new region [[child]] comes; at the district [parent]. `tributary init` where a configuration changed.
//   5. When the district is copied, `tributary resync` at the new region: what the district deleted meanwhile the new
//      region never had, so it sent no deletion of it to the nation, where the old region had brought it.
#include "system/uses_fixture.h"

namespace tributary::test {
namespace {

class MovingTest : public testing::Test {
 protected:
  MovingTest() {
    nation_ = &tree.add({.name = "nation"});
    const SentTable table{.name = "public.note", .key = {"home", "id"}};
    const auto add = [&](const std::string& name, const std::string& parent, const std::string& homes) {
      SentTable sent = table;
      sent.owned = "home IN (" + homes + ")";
      return &tree.add({.name = name, .parent = parent, .tables = {sent}, .owns = "owns = \"" + sent.owned + "\""});
    };
    first_ = add("first", "nation", "'first', 'district'");
    second_ = add("second", "nation", "'second', 'other'");
    district_ = add("district", "first", "'district'");
    other_ = add("other", "second", "'other'");
    tree.exec_everywhere(kNotes);
  }

  static void set_homes(Node& node, const std::string& owned, const std::string& where) {
    node.edit().tables[0].owned = owned;
    node.edit().tables[0].where = where;
    node.edit().owns = "owns = \"" + owned + "\"";
  }
  static void restart(Node& node) {
    node.agent().stop();
    node.agent().start();
  }

  Hierarchy tree;
  Node *nation_, *first_, *second_, *district_, *other_;
};

TEST_F(MovingTest, a_district_goes_to_another_region) {
  district_->sql().exec("INSERT INTO note SELECT 'district', n, 'before' FROM generate_series(1, 300) n");
  tree.start();
  Writer at_district(district_->cluster().conninfo("app"), "district"),
      at_other(other_->cluster().conninfo("app"), "other"), at_first(first_->cluster().conninfo("app"), "first"),
      at_second(second_->cluster().conninfo("app"), "second");
  at_district.let_write();

  district_->agent().stop();
  const std::string of_district = "SELECT home, id, body FROM note WHERE home = 'district' ORDER BY id";
  wait_until("the nation has what the first region has",
             [&] { return table_text(first_->sql(), of_district) == table_text(nation_->sql(), of_district); });
  const std::string left = table_text(first_->sql(), of_district);
  set_homes(*first_, "home = 'first'", "home <> 'district'");
  set_homes(*second_, "home IN ('second', 'other', 'district')", "");
  district_->move_to(*second_);
  for (Node* node : {nation_, first_, second_, district_}) node->write_config();
  for (Node* node : {nation_, second_, first_}) {
    node->init();
    restart(*node);
  }
  at_district.let_write();
  district_->agent().start();
  district_->wait_until_streaming();
  at_district.let_write();
  first_->wait_until_copied();
  district_->wait_until_copied();
  const Outcome resync = second_->agent().command({"resync", "public.note", "--follow"});
  EXPECT_EQ(resync.exit_code, 0) << resync.output;
  at_other.let_write();
  for (Writer* writer : {&at_district, &at_other, &at_first, &at_second}) writer->stop();
  tree.expect_equal(std::chrono::seconds(20));
  EXPECT_EQ(table_text(nation_->sql(), of_district), table_text(district_->sql(), of_district));
  EXPECT_EQ(table_text(first_->sql(), of_district), left) << "what the first region had stays there";
  EXPECT_EQ(nation_->sql().number("SELECT count(*) FROM tributary.extra"), 0);
  wait_until("all is well", [&] {
    for (const auto& node : tree.nodes())
      if (node->agent().status().health() != status::OK) return false;
    return true;
  });
}

}  // namespace
}  // namespace tributary::test
