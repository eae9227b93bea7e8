// `tributary remove` leaves a database as it was before `init`, whatever happened in between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/hierarchy.h"
#include "system/catalogue_text.h"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// One table of each kind that init treats differently, with every replica identity that there can be before.
constexpr char kSchema[] = R"(
  CREATE SCHEMA "Land";
  CREATE TYPE "Land".state AS ENUM ('draft', 'approved');
  CREATE TABLE plain (id int PRIMARY KEY, approved boolean NOT NULL, body text);
  CREATE TABLE "Land"."Report" (id int, at date, approved boolean NOT NULL, body text, PRIMARY KEY (id, at))
    PARTITION BY RANGE (at);
  CREATE TABLE "Land"."Report 24" PARTITION OF "Land"."Report" FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE report_25 PARTITION OF "Land"."Report" FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
    PARTITION BY LIST (id);
  CREATE TABLE report_25_all PARTITION OF report_25 DEFAULT;
  ALTER TABLE report_25_all REPLICA IDENTITY FULL;
  CREATE TABLE loose (id int PRIMARY KEY, approved boolean, body text);
  CREATE TABLE by_state (id int PRIMARY KEY, state "Land".state NOT NULL, body text);
  CREATE TABLE person (id int PRIMARY KEY, name text, status varchar(20) NOT NULL, secret text);
  CREATE TABLE none (id int PRIMARY KEY, approved boolean NOT NULL);
  ALTER TABLE none REPLICA IDENTITY NOTHING;
  CREATE TABLE own (id int PRIMARY KEY, code int NOT NULL, approved boolean NOT NULL);
  CREATE UNIQUE INDEX "own by code" ON own (code);
  ALTER TABLE own REPLICA IDENTITY USING INDEX "own by code";
)";

std::vector<SentTable> sent() {
  return {{.name = "public.plain", .where = "approved"},
          {.name = R"("Land"."Report")", .where = "approved", .key = {"id", "at"}},
          {.name = "public.loose", .where = "approved"},
          {.name = "public.by_state", .where = "state = 'approved'"},
          {.name = "public.person", .where = "status = 'approved'", .columns = {"id", "name", "status"}},
          {.name = "public.none", .where = "approved"},
          {.name = "public.own", .where = "approved"}};
}

class RemoveTest : public testing::Test {
 protected:
  void make() {
    tree.add({.name = "region"});
    tree.add({.name = "district", .parent = "region", .tables = sent()});
    for (Node* node : {&region(), &district()}) {
      node->cluster().create_database("twin");
      twin(*node).exec(kSchema);
    }
    tree.exec_everywhere(kSchema);
    for (Node* node : {&region(), &district()}) before_[node] = cluster_catalogue(node->sql());
  }
  Sql twin(Node& node) { return node.cluster().connect("twin"); }
  // At the district and at its twin, which tributary never touches.
  void exec_at_both(const std::string& sql) {
    district().sql().exec(sql);
    twin(district()).exec(sql);
  }
  Outcome remove(Node& node, std::vector<std::string> words = {"--yes"}) {
    words.insert(words.begin(), {"remove", "--connect", node.cluster().conninfo("app")});
    return node.agent().command(words);
  }
  void expect_nothing_left(Node& node) {
    Sql other = twin(node);
    EXPECT_EQ(difference(database_catalogue(other), database_catalogue(node.sql())), "") << node.name();
    EXPECT_EQ(difference(before_[&node], cluster_catalogue(node.sql())), "") << node.name();
  }
  void expect_removed(Node& node) {
    const Outcome outcome = remove(node);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    expect_nothing_left(node);
  }
  Node& region() { return tree["region"]; }
  Node& district() { return tree["district"]; }

  Hierarchy tree;

 private:
  std::map<Node*, std::set<std::string>> before_;
};

TEST_F(RemoveTest, the_catalogue_is_what_it_was_before_init) {
  make();
  tree.start();
  exec_at_both(R"(
      INSERT INTO plain VALUES (1, true, repeat('a', 9000)), (2, false, 'b');
      INSERT INTO "Land"."Report" VALUES (1, '2024-02-02', true, 'a'), (2, '2025-02-02', false, 'b');
      INSERT INTO loose VALUES (1, true, 'a'); INSERT INTO by_state VALUES (1, 'approved', 'a');
      INSERT INTO person VALUES (1, 'A', 'approved', 's'); INSERT INTO none VALUES (1, true);
      INSERT INTO own VALUES (1, 1, true))");
  // Partitions that come and go while tributary is there; an application's UPDATE of them works at once.
  exec_at_both(R"(
      CREATE TABLE report_26 PARTITION OF "Land"."Report" FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
      INSERT INTO report_26 VALUES (3, '2026-03-03', false, 'c'); UPDATE report_26 SET approved = true;
      CREATE TABLE report_27 (LIKE "Land"."Report");
      ALTER TABLE report_27 ADD PRIMARY KEY (id, at);
      ALTER TABLE report_27 REPLICA IDENTITY FULL)");
  exec_at_both(R"(
      BEGIN;
      ALTER TABLE "Land"."Report" ATTACH PARTITION report_27 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
      INSERT INTO report_27 VALUES (4, '2027-03-03', false, 'd'); UPDATE report_27 SET approved = true;
      COMMIT)");
  exec_at_both(
      R"(CREATE TABLE report_28 PARTITION OF "Land"."Report" FOR VALUES FROM ('2028-01-01') TO ('2029-01-01'))");
  exec_at_both(R"(ALTER TABLE "Land"."Report" DETACH PARTITION report_28)");
  region().sql().exec(R"(
      CREATE TABLE report_later PARTITION OF "Land"."Report" FOR VALUES FROM ('2026-01-01') TO ('2030-01-01'))");
  twin(region()).exec(R"(
      CREATE TABLE report_later PARTITION OF "Land"."Report" FOR VALUES FROM ('2026-01-01') TO ('2030-01-01'))");
  tree.expect_equal();

  district().agent().stop();
  region().agent().stop();
  expect_removed(district());
  expect_removed(region());
  // What the application has was never touched.
  for (const char* table : {"plain", "\"Land\".\"Report\"", "loose", "by_state", "person", "none", "own"}) {
    Sql other = twin(district());
    const std::string query = std::string("SELECT * FROM ") + table + " ORDER BY 1, 2";
    EXPECT_EQ(table_text(district().sql(), query), table_text(other, query));
  }
  EXPECT_TRUE(std::filesystem::exists(district().agent().directory() / "queue.db"));
}

TEST_F(RemoveTest, the_agent_may_be_dead_the_parent_gone_and_things_half_there) {
  make();
  tree.start();
  district().agent().kill();
  region().agent().kill();
  region().cluster().stop_immediate();
  district().sql().exec(
      "DROP PUBLICATION tributary_district; DROP EVENT TRIGGER tributary_prepare_partitions;"
      "DROP TRIGGER zzz_tributary_complete ON plain; ALTER TABLE plain REPLICA IDENTITY DEFAULT");
  const std::string index =
      district().sql().value("SELECT identity_index FROM tributary.published WHERE table_name = 'plain'");
  district().sql().exec("DROP INDEX \"" + index + "\"");

  const Outcome shown = remove(district(), {"--dry-run"});
  EXPECT_EQ(shown.exit_code, 0) << shown.output;
  EXPECT_THAT(shown.output, AllOf(HasSubstr("pg_drop_replication_slot"), HasSubstr("nothing was changed")));
  EXPECT_EQ(district().sql().number("SELECT count(*) FROM pg_replication_slots"), 1);
  expect_removed(district());

  const Outcome again = remove(district());
  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_THAT(again.output, HasSubstr("the database has nothing of tributary"));
  expect_nothing_left(district());
}

TEST_F(RemoveTest, it_asks_before_and_refuses_while_the_agent_runs) {
  make();
  tree.start();
  for (Node* node : {&district(), &region()}) {
    const Outcome refused = remove(*node);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.output, AllOf(HasSubstr("is running"), HasSubstr("systemctl stop tributary")));
  }
  EXPECT_EQ(district().sql().number("SELECT count(*) FROM pg_publication"), 1);
  district().agent().stop();
  const Outcome asked = remove(district(), {});  // nobody answers
  EXPECT_THAT(asked.output, AllOf(HasSubstr("Type yes"), HasSubstr("nothing was changed")));
  EXPECT_EQ(district().sql().number("SELECT count(*) FROM pg_replication_slots"), 1);
  expect_removed(district());
}

TEST_F(RemoveTest, what_the_dry_run_prints_does_the_same_in_psql) {
  make();
  tree.init();
  Command psql;
  psql.words = {"bash", "-c",
                "'" + tributary_program().string() + "' remove --dry-run -c '" +
                    district().agent().config_file().string() + "' --connect '" + district().cluster().conninfo("app") +
                    "' | " + (postgres_programs() / "psql").string() + " -X -d '" +
                    district().cluster().conninfo("app") + "'"};
  run_or_throw(psql);
  expect_nothing_left(district());
}

TEST_F(RemoveTest, a_role_of_before_is_put_back_as_it_was) {
  tree.add({.name = "region"});
  tree.add({.name = "district", .parent = "region", .tables = sent()});
  tree.exec_everywhere(kSchema);
  district().sql().exec(
      "CREATE ROLE tributary; GRANT SELECT (id, body) ON plain TO tributary; GRANT SELECT ON loose TO tributary;"
      "GRANT USAGE ON SCHEMA \"Land\" TO tributary; ALTER TABLE plain ENABLE ROW LEVEL SECURITY;"
      "ALTER ROLE tributary IN DATABASE app SET log_error_verbosity = 'verbose'");
  const auto database = database_catalogue(district().sql());
  const auto cluster = cluster_catalogue(district().sql());
  tree.start();
  EXPECT_NE(difference(cluster, cluster_catalogue(district().sql())), "");
  district().agent().stop();
  const Outcome outcome = remove(district());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(difference(database, database_catalogue(district().sql())), "");
  EXPECT_EQ(difference(cluster, cluster_catalogue(district().sql())), "");
}

TEST_F(RemoveTest, a_role_that_is_used_elsewhere_is_left_and_said) {
  make();
  tree.init();
  twin(region()).exec("GRANT SELECT ON plain TO tributary");
  const Outcome elsewhere = remove(region());
  EXPECT_EQ(elsewhere.exit_code, 0) << elsewhere.output;
  EXPECT_THAT(elsewhere.output, AllOf(HasSubstr("is left: it has rights in twin"), HasSubstr("DROP ROLE")));
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM pg_roles WHERE rolname = 'tributary'"), 1);
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM pg_class WHERE relacl::text LIKE '%tributary%'"), 0);

  district().sql().exec("CREATE TABLE theirs (id int); ALTER TABLE theirs OWNER TO tributary");
  const Outcome owner = remove(district());
  EXPECT_EQ(owner.exit_code, 0) << owner.output;
  EXPECT_THAT(owner.output, HasSubstr("is left: it owns objects of this database"));
  EXPECT_EQ(district().sql().number("SELECT count(*) FROM theirs"), 0);
}

TEST_F(RemoveTest, what_someone_changed_or_built_since_is_not_undone) {
  make();
  tree.init();
  district().sql().exec(
      "ALTER TABLE plain REPLICA IDENTITY FULL; CREATE VIEW progress AS SELECT * FROM tributary.stream");
  const Outcome built_on = remove(district());
  EXPECT_EQ(built_on.exit_code, 1);
  EXPECT_THAT(built_on.output, HasSubstr("drop that first, then run this again"));
  EXPECT_EQ(district().sql().number("SELECT count(*) FROM progress"), 0);
  district().sql().exec("DROP VIEW progress");
  const Outcome outcome = remove(district());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("was changed after init, to FULL: it is left so"));
  EXPECT_EQ(district().sql().value("SELECT relreplident FROM pg_class WHERE relname = 'plain'"), "f");
}

TEST_F(RemoveTest, a_parent_forgets_a_child_with_or_without_its_rows) {
  tree.add({.name = "region"});
  const auto notes = [](const std::string& home) {
    return NodeOptions{.name = home,
                       .parent = "region",
                       .tables = {{.name = "public.note", .key = {"home", "id"}, .owned = "home = '" + home + "'"}},
                       .owns = "owns = \"home = '" + home + "'\""};
  };
  tree.add(notes("north"));
  tree.add(notes("south"));
  tree.exec_everywhere("CREATE TABLE note (home text, id int, PRIMARY KEY (home, id))");
  for (const char* home : {"north", "south"})
    tree[home].sql().exec("INSERT INTO note SELECT $1, n FROM generate_series(1, 5) n", {home});
  tree.start();
  tree.expect_equal();
  const auto forget = [&](const std::string& child, std::vector<std::string> words) {
    words.insert(words.begin(), {"--child", child});
    return remove(region(), words);
  };
  const auto known = [&](const std::string& child) {
    return region().sql().number(
        "SELECT count(*) FROM (SELECT child FROM tributary.applied UNION ALL SELECT child FROM tributary.walk) t"
        " WHERE child = $1",
        {child});
  };
  const auto rows = [&](const std::string& home) {
    return region().sql().number("SELECT count(*) FROM note WHERE home = $1", {home});
  };
  for (const char* home : {"north", "south"}) tree[home].agent().stop();

  const Outcome kept = forget("north", {"--yes"});
  EXPECT_EQ(kept.exit_code, 0) << kept.output;
  EXPECT_THAT(kept.output, HasSubstr("take [[child]] north out of"));
  EXPECT_EQ(known("north"), 0);
  EXPECT_EQ(rows("north"), 5);
  EXPECT_THAT(forget("north", {"--yes"}).output, HasSubstr("Nothing is known here of a child north"));

  EXPECT_THAT(forget("south", {"--delete-rows"}).output,
              AllOf(HasSubstr("Type yes"), HasSubstr("nothing was changed")));
  EXPECT_EQ(rows("south"), 5);
  const Outcome deleted = forget("south", {"--delete-rows", "--yes"});
  EXPECT_EQ(deleted.exit_code, 0) << deleted.output;
  EXPECT_EQ(known("south"), 0);
  EXPECT_EQ(rows("south"), 0);
  EXPECT_EQ(rows("north"), 5);
  EXPECT_EQ(forget("east", {"--delete-rows", "--yes"}).exit_code, 1) << "which rows are east's is not known";
}

TEST_F(RemoveTest, a_parent_deletes_every_row_of_a_table_only_where_one_child_wrote_it) {
  tree.add({.name = "region"});
  tree.add({.name = "north", .parent = "region", .tables = {{.name = "public.note"}}});
  tree.exec_everywhere("CREATE TABLE note (id int PRIMARY KEY); CREATE TABLE lexicon (id int PRIMARY KEY)");
  tree["north"].sql().exec("INSERT INTO note SELECT generate_series(1, 5)");
  region().sql().exec("INSERT INTO lexicon SELECT generate_series(1, 5)");
  tree.start();
  tree.expect_equal();
  tree["north"].agent().stop();
  region().agent().stop();
  // Its [[child]] was taken out; its rows, and how far it was applied, are here still.
  region().sql().exec(
      "INSERT INTO note SELECT generate_series(6, 10); INSERT INTO tributary.applied (child, stream, seq, end_lsn, "
      "chain)"
      " VALUES ('south', gen_random_uuid(), 1, '0/1', 1)");
  const std::vector<std::string> words = {"--child", "north", "--delete-rows", "--yes"};
  const Outcome refused = remove(region(), words);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, AllOf(HasSubstr("which rows of public.note are north's is not known"),
                                    HasSubstr("one that was taken out has rows here")));
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM note"), 10);

  const Outcome other = remove(region(), {"--child", "south", "--yes"});
  EXPECT_EQ(other.exit_code, 0) << other.output;
  const Outcome deleted = remove(region(), words);
  EXPECT_EQ(deleted.exit_code, 0) << deleted.output;
  EXPECT_THAT(deleted.output, HasSubstr("The rows of public.lexicon are left"));
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM note"), 0);
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM lexicon"), 5);
}

TEST_F(RemoveTest, an_index_that_made_way_for_the_one_of_a_table_in_its_place_goes_too) {
  make();
  tree.init();
  district().sql().exec(
      "BEGIN; ALTER TABLE plain RENAME TO former; CREATE TABLE plain (LIKE former INCLUDING ALL); COMMIT");
  district().init();
  const std::string ours = "SELECT count(*) FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE ";
  EXPECT_EQ(district().sql().number(ours + "relname LIKE 'former\\_tributary\\_%'"), 1);
  const Outcome outcome = remove(district());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(district().sql().number(ours + "indrelid = 'former'::regclass AND NOT indisprimary"), 0);
}

}  // namespace
}  // namespace tributary::test
