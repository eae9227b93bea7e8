// The approved rows of a child go to its parent on a disk: `tributary export` there, `tributary load` here, and the
// child connects only afterwards. Real servers, the real program.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "seed/directory.h"
#include "seed/rows_file.h"
#include "support/hierarchy.h"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

class SeedTest : public testing::Test {
 protected:
  SeedTest() : disk_("disk") {}

  void prepare(const std::string& owns = {}) {
    tree_.add({.name = "region"});
    tree_.add({.name = "district",
               .parent = "region",
               .tables = {{.name = "public.document", .where = "status = 'approved'"},
                          {.name = "public.note",
                           .where = "is_public AND author <> 'secret'",
                           .columns = {"area", "no", "text", "author"},
                           .key = {"area", "no"}},
                          {.name = "public.\"odd Name\"", .key = {"kind", "\"the code\""}},
                          {.name = "public.report"}},
               .owns = owns});
    tree_.exec_everywhere(R"(
      CREATE TYPE status AS ENUM ('draft', 'approved');
      CREATE TABLE document (id uuid PRIMARY KEY, status status NOT NULL, title varchar(200), body text, tags text[],
        data jsonb, file bytea, price numeric(10, 2), made timestamptz);
      CREATE TABLE note (area text, no bigint, is_public boolean NOT NULL DEFAULT true, text text,
        author text NOT NULL DEFAULT 'me', PRIMARY KEY (area, no));
      CREATE TABLE "odd Name" (kind status, "the code" char(8), "a % # b" text, PRIMARY KEY (kind, "the code"));
      CREATE TABLE report (id int PRIMARY KEY, year int, body text) PARTITION BY RANGE (id);
      CREATE TABLE report_1 PARTITION OF report FOR VALUES FROM (0) TO (1000);
      CREATE TABLE report_2 PARTITION OF report FOR VALUES FROM (1000) TO (1000000))");
    tree_.init();
  }

  // Half of the documents and a third of the notes are drafts; their keys and bodies say so.
  void write(int count, int body_bytes = 40) {
    district().sql().exec(R"(
      INSERT INTO document
      SELECT (CASE WHEN n % 2 = 0 THEN 'dddddddd' ELSE substr(md5(n::text), 1, 8) END
              || '-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
             CASE WHEN n % 2 = 0 THEN 'draft' ELSE 'approved' END::status,
             CASE WHEN n % 2 = 0 THEN 'DRAFT ' ELSE E'title\t' END || n,
             CASE WHEN n % 2 = 0 THEN 'DRAFT ' ELSE '' END ||
               left((SELECT string_agg(md5(n::text || i::text), '') FROM generate_series(0, $1::int / 32) i), $1::int),
             ARRAY['a b', NULL, E'c"\\,'], '{"k": [1, null, "\t"]}', decode(md5(n::text), 'hex'), n / 7.0,
             now() - n * interval '1 minute'
      FROM generate_series(1, $2::int) n)",
                          {std::to_string(body_bytes), std::to_string(count)});
    district().sql().exec(
        "INSERT INTO note SELECT E'\\'Ä\\t\\n' || n % 10, n, n % 3 > 0, CASE WHEN n % 3 = 0 THEN 'DRAFT' END, 'x' "
        "FROM generate_series(1, $1::int) n",
        {std::to_string(count)});
    district().sql().exec(R"(
      INSERT INTO note VALUES ('', 0, true, E'line\nline\r\n\ttab \\ back \\N \\. \b\f\v', 'x'),
        ('back\slash', -1, true, '\.', 'x'), ('\N', 1, true, '\N', 'x'), ('z', 1, true, NULL, 'secret')
        ON CONFLICT DO NOTHING;
      INSERT INTO document (id, status, body) VALUES
        (gen_random_uuid(), 'approved', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 640) i)),
        (gen_random_uuid(), 'approved', ''), (gen_random_uuid(), 'approved', NULL))");
    district().sql().exec(
        "INSERT INTO \"odd Name\" SELECT s, n::text, repeat('ß', n % 5) FROM unnest(enum_range(NULL::status)) s, "
        "generate_series(1, $1::int) n",
        {std::to_string(count)});
    district().sql().exec("INSERT INTO report SELECT n, 2000 + n % 20, 'r' FROM generate_series(1, $1::int) n",
                          {std::to_string(count)});
  }

  Node& region() { return tree_["region"]; }
  Node& district() { return tree_["district"]; }
  fs::path directory() const { return disk_ / "seed"; }

  Outcome program(Node& node, std::vector<std::string> words, const std::string& failpoint = {}) {
    words.insert(words.begin() + 1, {"-c", node.agent().config_file().string()});
    words.insert(words.begin(), tributary_program().string());
    Command command;
    command.words = std::move(words);
    if (!failpoint.empty()) command.environment["TRIBUTARY_FAILPOINT"] = failpoint;
    return run(command);
  }
  Outcome export_rows(std::vector<std::string> tables = {}, const std::string& failpoint = {}) {
    std::vector<std::string> words{"export", "--to", directory().string()};
    words.insert(words.end(), tables.begin(), tables.end());
    return program(district(), words, failpoint);
  }
  Outcome load(const std::string& failpoint = {}, const std::string& child = "district") {
    return program(region(), {"load", "--from", directory().string(), "--child", child}, failpoint);
  }
  static void expect_done(const Outcome& outcome) {
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("done"));
  }
  static void expect_refused(const Outcome& outcome, const std::string& words) {
    EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr(words));
  }
  int64_t rows_at_region(const std::string& table = "document") {
    return region().sql().number("SELECT count(*) FROM " + table);
  }

  // Every byte of the directory, as it lies there and decompressed.
  std::string all_bytes() const {
    std::string bytes;
    for (const auto& entry : fs::directory_iterator(directory())) {
      bytes += read_file(entry.path());
      if (entry.path().extension() != ".zst") continue;
      RowsReader reader(entry.path());
      for (std::string lines = reader.next(); !lines.empty(); lines = reader.next()) bytes += lines;
    }
    return bytes;
  }

  TempDir disk_;
  Hierarchy tree_;
};

TEST_F(SeedTest, what_is_loaded_is_what_the_filter_lets_out) {
  prepare();
  write(3000);
  const Outcome exported = export_rows();
  expect_done(exported);
  EXPECT_THAT(exported.output, AllOf(HasSubstr("public.document: 1503 rows"), HasSubstr("public.note: 2003 rows")));
  const std::string bytes = all_bytes();
  EXPECT_GT(bytes.size(), 100'000u);
  EXPECT_THAT(bytes, AllOf(Not(HasSubstr("DRAFT")), Not(HasSubstr("dddddddd")), Not(HasSubstr("secret"))));
  for (const auto& entry : fs::directory_iterator(directory())) {
    struct stat facts {};
    ::stat(entry.path().c_str(), &facts);
    EXPECT_EQ(facts.st_mode & 0777, 0600u) << entry.path();
  }
  EXPECT_EQ(rows_at_region(), 0);
  const Outcome loaded = load();
  expect_done(loaded);
  EXPECT_THAT(loaded.output, HasSubstr("public.document: 1503 rows loaded, 0 were there"));
  EXPECT_EQ(tree_.difference(), "");

  expect_refused(export_rows(), "holds an export already");
  const Outcome again = load();
  expect_done(again);
  EXPECT_THAT(again.output, HasSubstr("public.document: 0 rows loaded, 1503 were there"));
  EXPECT_EQ(tree_.difference(), "");
}

TEST_F(SeedTest, the_child_connects_afterwards_and_what_changed_meanwhile_is_mended) {
  prepare();
  write(500);
  expect_done(export_rows());
  district().sql().exec(
      "UPDATE document SET status = 'draft' WHERE id = (SELECT id FROM document WHERE status = 'approved' LIMIT 1);"
      "DELETE FROM report WHERE id < 5; UPDATE note SET text = 'later' WHERE no = 7; INSERT INTO report VALUES (5000)");
  region().agent().start();
  expect_done(load());
  district().agent().start();
  district().wait_until_streaming();
  district().wait_until_copied();
  tree_.expect_equal();
}

TEST_F(SeedTest, beside_a_running_agent_too) {
  prepare();
  write(300);
  district().agent().start();
  district().wait_until_streaming();
  expect_done(export_rows({"report", "public.note"}));
  EXPECT_THAT(read_file(directory() / "manifest"), AllOf(HasSubstr("table public report"), Not(HasSubstr("document"))));
  expect_done(load());
  EXPECT_EQ(rows_at_region("report"), 300);
  EXPECT_EQ(rows_at_region("document"), 0);
  region().agent().start();
  district().wait_until_copied();
  tree_.expect_equal();
}

TEST_F(SeedTest, an_export_that_was_killed_is_refused_and_begun_anew) {
  prepare();
  write(3000);
  EXPECT_EQ(export_rows({}, "after_export_chunk:3").exit_code, -SIGKILL);
  expect_refused(load(), "has no manifest");
  EXPECT_EQ(rows_at_region("note"), 0);
  expect_done(export_rows());
  for (const auto& entry : fs::directory_iterator(directory())) EXPECT_NE(entry.path().extension(), ".partial");
  expect_done(load());
  EXPECT_EQ(tree_.difference(), "");
}

TEST_F(SeedTest, a_load_that_was_killed_goes_on) {
  prepare();
  write(1500, 20'000);
  expect_done(export_rows());
  EXPECT_EQ(load("after_load_commit:2").exit_code, -SIGKILL);
  wait_until("its session has ended", [&] {
    return region().sql().number(
               "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tributary load%'") == 0;
  });
  const int64_t before = rows_at_region();
  EXPECT_GT(before, 0);
  EXPECT_LT(before, 753);
  const Outcome loaded = load();
  expect_done(loaded);
  EXPECT_THAT(loaded.output, HasSubstr("public.document: " + std::to_string(753 - before) + " rows loaded, " +
                                       std::to_string(before) + " were there"));
  EXPECT_EQ(tree_.difference(), "");
}

TEST_F(SeedTest, a_damaged_copy_is_refused) {
  prepare();
  write(200);
  expect_done(export_rows());
  const fs::path file = directory() / "004.copy.zst";
  const std::string whole = read_file(file);
  std::string damaged = whole;
  damaged[damaged.size() / 2] ^= 1;
  write_file(file, damaged);
  expect_refused(load(), "004.copy.zst is damaged");
  write_file(file, whole.substr(0, whole.size() - 1));
  expect_refused(load(), "004.copy.zst is damaged");
  fs::remove(file);
  expect_refused(load(), "004.copy.zst");
  write_file(file, whole);
  const std::string manifest = read_file(directory() / "manifest");
  write_file(directory() / "manifest", std::regex_replace(manifest, std::regex("rows 200\n"), "rows 201\n"));
  expect_refused(load(), "manifest 201");
  EXPECT_EQ(rows_at_region("report"), 200) << "those that there are";
  write_file(directory() / "manifest", manifest.substr(0, manifest.size() - 4));
  expect_refused(load(), "manifest");
  write_file(directory() / "manifest", manifest);
  expect_done(load());
  EXPECT_EQ(tree_.difference(), "");
}

TEST_F(SeedTest, only_a_child_of_that_name_is_loaded) {
  prepare();
  write(10);
  expect_done(export_rows());
  const Outcome unknown = load({}, "nobody");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.output, HasSubstr("region has no child nobody"));
  EXPECT_EQ(program(district(), {"load", "--from", directory().string(), "--child", "district"}).exit_code, 2);
  const std::string manifest = read_file(directory() / "manifest");
  write_file(directory() / "manifest", std::regex_replace(manifest, std::regex("node district"), "node other"));
  expect_refused(load(), "was exported by other, not by district");
  EXPECT_EQ(rows_at_region("report"), 0);
}

TEST_F(SeedTest, rows_that_the_child_may_not_write_are_refused_with_their_table) {
  prepare("owns = \"year < 2015\"");
  write(2000);
  expect_done(export_rows());
  const Outcome loaded = load();
  expect_refused(loaded, "public.report: nothing is loaded, 500 of 2000 rows are not district's to write");
  EXPECT_EQ(rows_at_region("report"), 0);
  EXPECT_EQ(rows_at_region("document"), 1003);
  district().edit().owns = "owns = \"year < 2030\"";
  region().write_config();
  expect_done(load());
  EXPECT_EQ(tree_.difference(), "");
}

TEST_F(SeedTest, all_misfits_are_named_and_nothing_is_loaded) {
  prepare();
  write(10);
  expect_done(export_rows());
  region().sql().exec(
      "ALTER TABLE document DROP COLUMN price; ALTER TABLE note ALTER COLUMN no TYPE int; DROP TABLE \"odd Name\"");
  const Outcome loaded = load();
  expect_refused(loaded, "nothing is loaded: 3 of 4 tables");
  EXPECT_THAT(loaded.output, AllOf(HasSubstr("ALTER TABLE \"public\".\"document\" ADD COLUMN \"price\" numeric(10,2);"),
                                   HasSubstr("ALTER TABLE \"public\".\"note\" ALTER COLUMN \"no\" TYPE bigint;"),
                                   HasSubstr("CREATE TABLE \"public\".\"odd Name\"")));
  EXPECT_EQ(rows_at_region("report"), 0);
}

TEST_F(SeedTest, a_table_that_children_may_not_write_is_refused) {
  prepare();
  write(10);
  expect_done(export_rows());
  region().edit().intake_tables = R"(["public.document", "public.note"])";
  region().write_config();
  const Outcome loaded = load();
  expect_refused(loaded, "nothing is loaded: 2 of 4 tables");
  EXPECT_THAT(loaded.output, HasSubstr("table public.report is not one that children may write here"));
  EXPECT_EQ(rows_at_region(), 0);
}

TEST_F(SeedTest, a_child_whose_stream_has_reached_the_parent_is_not_loaded) {
  prepare();
  write(10);
  expect_done(export_rows());
  for (const auto& node : tree_.nodes()) node->agent().start();
  district().wait_until_streaming();
  district().wait_until_copied();
  tree_.expect_equal();
  district().sql().exec("DELETE FROM report WHERE id = 1");
  tree_.expect_equal();
  const Outcome loaded = load();
  expect_refused(loaded, "district has sent changes to this node already");
  EXPECT_THAT(loaded.output, HasSubstr("tributary resync"));
  EXPECT_EQ(tree_.difference(), "");
}

TEST_F(SeedTest, what_stops_it_is_said_with_what_mends_it) {
  prepare();
  write(10);
  const Outcome unknown = export_rows({"public.nothing"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.output, HasSubstr("table public.nothing is not in the replication set"));
  EXPECT_EQ(program(region(), {"export", "--to", directory().string()}).exit_code, 2);
  district().sql().exec("REVOKE SELECT ON report FROM tributary");
  const Outcome no_right = export_rows();
  expect_refused(no_right, "permission denied for table report");
  EXPECT_THAT(no_right.output, HasSubstr("tributary init"));
  district().init();
  expect_done(export_rows());

  region().sql().exec("ALTER TABLE document ADD CONSTRAINT cheap CHECK (price < 100)");
  district().sql().exec("UPDATE document SET price = 200 WHERE status = 'approved'");
  fs::remove_all(directory());
  expect_done(export_rows());
  region().sql().exec("REVOKE TEMPORARY ON DATABASE app FROM PUBLIC");
  const Outcome no_temporary = load();
  expect_refused(no_temporary, "may not make temporary tables");
  EXPECT_THAT(no_temporary.output, HasSubstr("GRANT TEMPORARY ON DATABASE app TO tributary;"));
  region().sql().exec("GRANT TEMPORARY ON DATABASE app TO tributary");
  const Outcome refused = load();
  expect_refused(refused, "table public.document: PostgreSQL: check_violation");
  EXPECT_THAT(refused.output, AllOf(HasSubstr("cheap"), HasSubstr("Run it again")));
}

TEST_F(SeedTest, databases_of_other_encodings) {
  tree_.add({.name = "region", .encoding = "LATIN1"});
  tree_.add({.name = "district",
             .parent = "region",
             .tables = {{.name = "public.place", .where = "town <> 'Übersee'", .key = {"kind", "town"}}},
             .encoding = "WIN1252"});
  tree_.exec_everywhere(
      "SET client_encoding = 'UTF8'; CREATE TYPE kind AS ENUM ('größer', 'klein');"
      "CREATE TABLE place (kind kind, town text, PRIMARY KEY (kind, town))");
  tree_.init();
  district().sql().exec(
      "INSERT INTO place SELECT k, t || n FROM unnest(enum_range(NULL::kind)) k, unnest(ARRAY['Ä', 'é\\', 'z']) t, "
      "generate_series(1, 400) n; INSERT INTO place VALUES ('klein', 'Übersee')");
  expect_done(export_rows());
  expect_done(load());
  EXPECT_EQ(rows_at_region("place"), 2400);
  EXPECT_EQ(tree_.difference(), "");
}

TEST_F(SeedTest, a_full_disk_is_said) {
  fs::create_directory(directory());
  if (::mount("tmpfs", directory().c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "no tmpfs can be mounted here: " << ::strerror(errno);
  prepare();
  write(500, 20'000);
  expect_refused(export_rows(), "No space left on device");
  EXPECT_FALSE(fs::exists(directory() / "manifest"));
  ::umount2(directory().c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace tributary::test
