// Rows that a table had before its node's stream began come to the parent too, whatever is written or killed meanwhile.
#include "system/load.h"

namespace tributary::test {
namespace {

using std::chrono::milliseconds;

constexpr char kNoise[] = R"(
  CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT substr(string_agg(md5(random()::text), ''), 1, bytes) FROM generate_series(0, bytes / 32)
  $$;
)";

class RefreshKeysTest : public testing::Test {
 protected:
  RefreshKeysTest() {
    const std::vector<SentTable> tables = {
        {.name = "public.by_number", .where = "is_public"},
        {.name = "public.by_uuid"},
        {.name = "public.by_text", .where = "state = 'approved'", .key = {"name"}},
        {.name = "public.by_several", .columns = {"district", "number", "title"}, .key = {"district", "number"}},
        {.name = "public.by_label", .key = {"label"}},
        {.name = "public.by_part", .where = "id % 3 = 1"},
        {.name = "public.empty"}};
    tree.add({.name = "nation"});
    tree.add({.name = "region", .parent = "nation", .tables = tables});
    district_ = &tree.add({.name = "district", .parent = "region", .tables = tables});
    tree.exec_everywhere(std::string(kNoise) + R"(
      CREATE TYPE state AS ENUM ('draft', 'approved');
      CREATE TABLE by_number (id bigint PRIMARY KEY, body text, image bytea, is_public boolean NOT NULL);
      CREATE TABLE by_uuid (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), at timestamptz, amounts numeric[], note json);
      CREATE TABLE by_text (name text COLLATE "und-x-icu" PRIMARY KEY, state state NOT NULL);
      CREATE TABLE by_several (district varchar(10), number numeric, title text, secret text,
                               PRIMARY KEY (district, number));
      CREATE TABLE by_part (id int PRIMARY KEY, body text) PARTITION BY RANGE (id);
      CREATE TABLE by_part_low PARTITION OF by_part FOR VALUES FROM (0) TO (500);
      CREATE TABLE by_part_high PARTITION OF by_part FOR VALUES FROM (500) TO (1000000);
      CREATE TABLE empty (id int PRIMARY KEY);
    )");
    // The same labels in another order.
    for (const auto& node : tree.nodes())
      node->sql().exec(std::string("CREATE TYPE label AS ENUM (") +
                       (node->name() == "district" ? "'one', 'two', 'three'" : "'three', 'one', 'two'") +
                       "); CREATE TABLE by_label (label label PRIMARY KEY, title text)");
  }
  Node& district() { return *district_; }

  Hierarchy tree;

 private:
  Node* district_;
};

TEST_F(RefreshKeysTest, rows_from_before_arrive_at_every_tier) {
  district().sql().exec(R"(
    INSERT INTO by_number SELECT n, noise(abs(n) % 7000), decode(noise(abs(n) % 100 * 2), 'hex'), n % 4 > 0
      FROM generate_series(-3000, 3000) n;
    INSERT INTO by_uuid (at, amounts, note) SELECT timestamptz '2026-01-01' + n * interval '1 hour',
      ARRAY[n, n / 3.0], CASE WHEN n % 5 > 0 THEN '{"a": 1}'::json END FROM generate_series(1, 5000) n;
    INSERT INTO by_text SELECT x || n, CASE WHEN n % 5 > 0 THEN 'approved' ELSE 'draft' END::state
      FROM generate_series(1, 700) n, unnest(ARRAY['a', 'B', 'ä', 'Zz', '-', '''\', 'ż']) x;
    INSERT INTO by_several SELECT 'd' || n % 7, n / 10.0, noise(50), 'hidden' FROM generate_series(1, 3000) n;
    INSERT INTO by_label VALUES ('one', '1'), ('two', NULL), ('three', '3');
    INSERT INTO by_part SELECT n, noise(300) FROM generate_series(1, 4000) n;
  )");
  tree.start();
  district().wait_until_copied();
  tree.expect_equal();
  const auto capture = district().agent().status().capture();
  EXPECT_EQ(capture.tables(0).rows_copied(), district().sql().number("SELECT count(*) FROM by_number WHERE is_public"));
  EXPECT_EQ(district().sql().number("SELECT sum(rows_not_copied) FROM tributary.published"), 0);
  EXPECT_EQ(district().parent()->sql().number("SELECT count(*) FROM by_several WHERE secret IS NOT NULL"), 0);
  wait_until("the node is healthy", [&] { return district().agent().status().health() == status::OK; });
}

TEST_F(RefreshKeysTest, a_walk_goes_on_where_it_was_left) {
  district().sql().exec("INSERT INTO by_uuid SELECT FROM generate_series(1, 30000)");
  tree.init();
  for (const auto& node : tree.nodes())
    if (node.get() != &district()) node->agent().start();
  for (const int mark : {1, 3, 5}) {
    district().agent().start_with_failpoint("before_mark", mark);
    EXPECT_EQ(district().agent().wait_until_ended(std::chrono::seconds(60)), -SIGKILL);
  }
  district().agent().start();
  district().wait_until_copied();
  tree.expect_equal();
  EXPECT_NE(district().agent().log().find("from where it was left"), std::string::npos);
}

class RefreshTest : public testing::Test {
 protected:
  RefreshTest() {
    const std::vector<SentTable> tables = {{.name = "public.document", .where = "status = 'approved'"},
                                           {.name = "public.entry"}};
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district", .parent = "region", .tables = tables});
    tree.exec_everywhere(std::string(kNoise) + R"(
      CREATE TABLE document (id bigserial PRIMARY KEY, title text NOT NULL, body text, status text NOT NULL);
      CREATE TABLE entry (id int PRIMARY KEY);
    )");
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  void write_documents(int count, int bytes) {
    district().sql().exec("INSERT INTO document (title, body, status) SELECT 'old', noise(" + std::to_string(bytes) +
                          "), CASE WHEN n % 4 > 0 THEN 'approved' ELSE 'draft' END FROM generate_series(1, " +
                          std::to_string(count) + ") n");
  }

  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
};

TEST_F(RefreshTest, under_load_with_agents_killed_at_any_moment) {
  write_documents(20'000, 3000);
  tree.init();
  region().agent().start();
  Load load(district().cluster(), "app", 1);
  std::mt19937 random(7);
  for (int round = 0; round < 10; ++round) {
    district().agent().start();
    std::this_thread::sleep_for(milliseconds(600 + random() % 900));
    if (round % 3 == 2) {
      region().agent().kill();
      region().agent().start();
    }
    district().agent().kill();
  }
  district().agent().start();
  district().wait_until_copied();
  load.stop();
  EXPECT_GT(load.transactions(), 100);
  tree.expect_equal(std::chrono::seconds(120));
}

// Values that lie outside their rows: some pages hold more than is read at once, and some more than is sent so.
TEST_F(RefreshTest, rows_of_any_size_are_copied) {
  district().sql().exec(R"(
    CREATE TABLE piece AS SELECT noise(1000000) AS text;
    INSERT INTO document (title, body, status)
      SELECT 'large', (SELECT repeat(text, 1 + n % 3) || n FROM piece), 'approved' FROM generate_series(1, 16) n;
    INSERT INTO document (title, body, status) SELECT 'middle', noise(40000), 'approved' FROM generate_series(1, 300) n;
    INSERT INTO document (title, status) SELECT 'small', 'approved' FROM generate_series(1, 5000) n;
    DROP TABLE piece;
  )");
  tree.start();
  district().wait_until_copied();
  tree.expect_equal();
}

// A transaction whose commit is in the log, and is not visible until this object's end: it waits for a standby that
// does not answer.
class HeldCommit {
 public:
  HeldCommit(Node& node, const std::string& statements) : node_(node) {
    set_standby("SET synchronous_standby_names = 'nobody'");
    thread_ = std::thread([this, statements] {
      Sql sql = node_.cluster().connect("app");
      sql.exec("BEGIN; " + statements + "; COMMIT");
    });
    wait_until("the commit is held", [&] {
      return node_.sql().number("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") > 0;
    });
  }
  ~HeldCommit() {
    set_standby("RESET synchronous_standby_names");
    thread_.join();
  }

 private:
  void set_standby(const std::string& change) {
    Sql sql = node_.cluster().connect("app");
    sql.exec("SET synchronous_commit = local");
    sql.exec("ALTER SYSTEM " + change);
    sql.exec("SELECT pg_reload_conf()");
  }
  Node& node_;
  std::thread thread_;
};

// It comes to the parent long before a snapshot shows it: also of chunks that are read after it was decoded, by an
// agent that was killed between.
TEST_F(RefreshTest, a_commit_that_nobody_sees_yet_is_not_undone_by_a_chunk) {
  write_documents(6000, 8000);
  tree.init();
  region().agent().start();
  district().link().set_bytes_per_second(4 << 20);
  district().agent().start();
  const auto count_at = [](Node& node) {
    return node.sql().number("SELECT count(*) FROM document WHERE status = 'approved' AND title = 'held'");
  };
  wait_until("the walk is under way", [&] { return region().sql().number("SELECT count(*) FROM document") > 0; });
  {
    HeldCommit held(district(),
                    "UPDATE document SET title = 'held' WHERE id % 5 = 0; DELETE FROM document WHERE id % 7 = 0;"
                    "UPDATE document SET status = 'approved', body = 'new' WHERE id % 8 = 0;"
                    "UPDATE document SET title = 'held' WHERE id % 16 = 0");
    std::this_thread::sleep_for(milliseconds(300));
    district().agent().kill();
    district().agent().start();
    district().link().set_bytes_per_second(0);
    wait_until("the held rows are at the region", [&] { return count_at(region()) > 100; });
    std::this_thread::sleep_for(milliseconds(500));
    EXPECT_EQ(count_at(district()), 0);
  }
  EXPECT_GT(count_at(district()), 1000);
  district().wait_until_copied();
  tree.expect_equal();
}

TEST_F(RefreshTest, resync_mends_what_somebody_changed_at_the_parent) {
  write_documents(3000, 100);
  tree.start();
  district().wait_until_copied();
  tree.expect_equal();
  const std::string untouched =
      "SELECT md5(string_agg(id || ' ' || xmin, ',' ORDER BY id)) FROM document WHERE id > 100";
  const std::string before = region().sql().value(untouched);
  region().sql().exec(
      "DELETE FROM document WHERE id < 20; UPDATE document SET title = 'edited' WHERE id < 50;"
      "INSERT INTO document VALUES (-5, 'extra', NULL, 'approved')");
  const Outcome outcome = district().agent().command({"resync", "public.document", "--follow"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, testing::HasSubstr("2,250 rows: 15 missing at the parent, 22 different, 1 only"));
  tree.expect_equal();
  EXPECT_EQ(region().sql().value(untouched), before) << "what is equal is not written again";
  const Outcome refused = district().agent().command({"resync", "public.other"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, testing::HasSubstr("does not send a table public.other"));
}

}  // namespace
}  // namespace tributary::test
