// A district moves to another region while it writes: the nation never misses a row that the district has, and has none
// in the end that the district has not, whichever region's changes come first. The stories type what README's section
// "A district moves to another region" says.
#include "system/uses_fixture.h"

namespace tributary::test {
namespace {

constexpr int kLasting = 200;  // the district's notes 1 to this are never deleted
constexpr int kBefore = 300;   // there from the start
constexpr char kOfDistrict[] = "SELECT home, id, body FROM note WHERE home = 'district' ORDER BY id";

// Reads the nation's table all the time.
class Reader {
 public:
  explicit Reader(std::string conninfo) : thread_([this, conninfo = std::move(conninfo)] { run(conninfo); }) {}
  ~Reader() { stop(); }
  int stop() {  // returns the fewest of the lasting notes that it ever saw
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return fewest_;
  }

 private:
  void run(const std::string& conninfo) {
    Sql sql(conninfo);
    const std::string count = "SELECT count(*) FROM note WHERE home = 'district' AND id <= " + std::to_string(kLasting);
    while (!is_stopping_) fewest_ = std::min(fewest_, static_cast<int>(sql.number(count)));
  }

  std::atomic<bool> is_stopping_ = false;
  int fewest_ = kLasting;
  std::thread thread_;
};

class MovingTest : public testing::Test {
 protected:
  MovingTest() {
    nation_ = &tree.add({.name = "nation"});
    const auto add = [&](const std::string& name, const std::string& parent, const std::string& homes) {
      const SentTable sent{.name = "public.note", .key = {"home", "id"}, .owned = "home IN (" + homes + ")"};
      return &tree.add({.name = name, .parent = parent, .tables = {sent}, .owns = "owns = \"" + sent.owned + "\""});
    };
    first_ = add("first", "nation", "'first', 'district'");
    second_ = add("second", "nation", "'second', 'other'");
    district_ = add("district", "first", "'district'");
    other_ = add("other", "second", "'other'");
    tree.exec_everywhere(kNotes);
    district_->sql().exec("INSERT INTO note SELECT 'district', n, 'before' FROM generate_series(1, $1::int) n",
                          {std::to_string(kBefore)});
    tree.start();
    tree.expect_equal();
  }

  void wait(const std::string& what, const std::function<bool()>& condition) {
    try {
      wait_until(what, condition, std::chrono::seconds(60));
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(error.what() + tree.logs());
    }
  }
  static void set_homes(Node& node, const std::string& homes) {
    node.edit().tables[0].owned = "home IN (" + homes + ")";
    node.edit().owns = "owns = \"" + node.edit().tables[0].owned + "\"";
  }
  static void restart(Node& node) {
    node.agent().stop();
    node.write_config();
    node.agent().start();
  }
  status::Child at_nation(const std::string& name) {
    try {
      const status::NodeStatus status = nation_->agent().status();
      for (const status::Child& child : status.children())
        if (child.node() == name) return child;
    } catch (const std::runtime_error&) {  // it has only begun
    }
    return {};
  }
  void delete_at_district(int first, int last) {
    district_->sql().exec("DELETE FROM note WHERE home = 'district' AND id BETWEEN $1::int AND $2::int",
                          {std::to_string(first), std::to_string(last)});
  }

  // --- the steps ---
  void stop_the_district() {
    district_->agent().stop();
    wait("the nation has what the old region has",
         [&] { return table_text(first_->sql(), kOfDistrict) == table_text(nation_->sql(), kOfDistrict); });
  }
  void make_it_the_new_regions() {
    district_->move_to(*second_);
    restart(*second_);
    set_homes(*first_, "'first'");
    set_homes(*second_, "'second', 'other', 'district'");
    restart(*nation_);
    wait("the new region waits for the district", [&] {
      const status::Notice notice = notice_of(*second_, "table public.note at the parent");
      return notice.message().find("until all rows are here of district") != std::string::npos;
    });
  }
  void delete_at_the_old_region() {
    restart(*first_);
    first_->sql().exec("DELETE FROM note WHERE home = 'district'");
    wait("the nation counts what it leaves out", [&] { return at_nation("first").deletes_not_owned() >= kLasting; });
    EXPECT_EQ(at_nation("first").health(), status::OK) << at_nation("first").message();
  }
  void start_the_district() {
    district_->write_config();
    district_->agent().start();
    district_->wait_until_streaming();
    district_->wait_until_copied();
  }

  static status::Notice notice_of(Node& node, const std::string& subject) {
    try {
      const status::NodeStatus status = node.agent().status();
      for (const status::Notice& notice : status.notices())
        if (notice.subject() == subject) return notice;
    } catch (const std::runtime_error&) {  // it has only begun
    }
    return {};
  }

  void expect_moved() {
    tree.expect_equal();
    EXPECT_EQ(table_text(nation_->sql(), kOfDistrict), table_text(district_->sql(), kOfDistrict));
    EXPECT_EQ(first_->sql().number("SELECT count(*) FROM note WHERE home = 'district'"), 0);
    EXPECT_EQ(nation_->sql().number("SELECT count(*) FROM tributary.extra"), 0);
    wait("all is well", [&] {
      for (const auto& node : tree.nodes())
        if (node->agent().status().health() != status::OK) return false;
      return true;
    });
  }

  void move(const std::function<void()>& middle) {
    Writer at_district(district_->cluster().conninfo("app"), "district", 1001),
        at_other(other_->cluster().conninfo("app"), "other"), at_first(first_->cluster().conninfo("app"), "first"),
        at_second(second_->cluster().conninfo("app"), "second");
    at_district.let_write();
    Reader reader(nation_->cluster().conninfo("app"));
    stop_the_district();
    delete_at_district(201, 250);
    at_district.let_write();
    make_it_the_new_regions();
    middle();
    delete_at_district(251, 275);
    for (Writer* writer : {&at_district, &at_other, &at_first, &at_second}) writer->let_write(5);
    for (Writer* writer : {&at_district, &at_other, &at_first, &at_second}) writer->stop();
    expect_moved();
    EXPECT_EQ(reader.stop(), kLasting) << "the nation missed rows for a while";
  }

  Hierarchy tree;
  Node *nation_, *first_, *second_, *district_, *other_;
};

TEST_F(MovingTest, the_old_regions_deletions_come_first) {
  move([&] {
    delete_at_the_old_region();
    start_the_district();
  });
}

TEST_F(MovingTest, the_new_regions_rows_come_first) {
  move([&] {
    start_the_district();
    wait("the new region's rows have replaced the old one's", [&] {
      return nation_->sql().number("SELECT count(*) FROM note WHERE home = 'district' AND id BETWEEN 201 AND 250") == 0;
    });
    delete_at_the_old_region();
  });
}

// Back to where rows of it are as old as its last stay: the old region must not take them for what the district has.
TEST_F(MovingTest, a_district_that_comes_back_loses_nothing_either) {
  const auto lasting = [&] {
    return nation_->sql().number("SELECT count(*) FROM note WHERE home = 'district' AND id > 1000");
  };
  stop_the_district();
  make_it_the_new_regions();
  restart(*first_);  // its old rows stay there: nobody compares them
  start_the_district();
  district_->sql().exec("INSERT INTO note SELECT 'district', n, 'away' FROM generate_series(1001, 1050) n");
  wait("the nation has what was written meanwhile", [&] { return lasting() == 50; });

  district_->agent().stop();
  wait("the nation has what the new region has",
       [&] { return table_text(second_->sql(), kOfDistrict) == table_text(nation_->sql(), kOfDistrict); });
  district_->move_to(*first_);
  restart(*first_);
  set_homes(*first_, "'first', 'district'");
  set_homes(*second_, "'second', 'other'");
  restart(*nation_);
  wait("the region waits for the district", [&] {
    return notice_of(*first_, "table public.note at the parent").message().find("district") != std::string::npos;
  });
  EXPECT_EQ(lasting(), 50);
  restart(*second_);
  second_->sql().exec("DELETE FROM note WHERE home = 'district'");
  start_the_district();
  tree.expect_equal();
  EXPECT_EQ(lasting(), 50);
}

}  // namespace
}  // namespace tributary::test
