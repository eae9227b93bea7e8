// A district lost its rows, all or some: nothing that only the parent still has goes with them, unless it is little or
// a person says so.
#include <sstream>

#include "system/uses_fixture.h"

namespace tributary::test {
namespace {

using testing::HasSubstr;

constexpr char kAtRegion[] = "child district, table public.note";
constexpr char kAtDistrict[] = "table public.note at the parent";

class MishapsTest : public UsesTest {
 protected:
  // As after the loss of a disk. Its agent stands still.
  void create_district_anew(const std::string& schema = kNotes) {
    district().agent().stop();
    delete_queue();
    Sql server = district().cluster().connect();
    server.exec("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
    server.exec("DROP DATABASE app WITH (FORCE)");
    district().cluster().create_database("app");
    district().sql().exec(schema);
    district().init();
  }
  void expect_kept(int64_t rows) {
    try {
      wait_until("the rows are named", [&] { return extra() == rows; });
      wait_until("both say so", [&] {
        return notice_of(region(), kAtRegion).health() == status::ATTENTION &&
               notice_of(district(), kAtDistrict).health() == status::ATTENTION;
      });
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << ": " << extra() << " of " << rows << tree.logs();
    }
    const std::string number = std::to_string(rows);
    EXPECT_THAT(notice_of(region(), kAtRegion).message(), HasSubstr(number + " rows of table public.note"));
    EXPECT_THAT(notice_of(region(), kAtRegion).hint(), HasSubstr("--delete-extra"));
    EXPECT_THAT(notice_of(district(), kAtDistrict).message(), HasSubstr(number + " rows"));
    EXPECT_THAT(notice_of(district(), kAtDistrict).hint(), HasSubstr("tributary resync public.note --delete-extra"));
  }
  void expect_nothing_to_say() {
    EXPECT_EQ(extra(), 0);
    wait_until("nobody has anything to say", [&] {
      return notice_of(region(), kAtRegion).message().empty() && notice_of(district(), kAtDistrict).message().empty();
    });
  }
};

TEST_F(MishapsTest, a_district_that_was_made_anew_takes_nothing_with_it) {
  start(300);
  create_district_anew();
  BothWrite writers(district(), region(), 1'000'000);
  start_district();
  writers.let_write();
  expect_kept(300);
  EXPECT_EQ(notes_at_region("id <= 300 AND body = 'before'"), 300);
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM note n JOIN tributary.extra e ON e.key = ARRAY[n.home, "
                                  "n.id::text] WHERE n.id <= 300 AND n.home = 'district'"),
            300);

  const Outcome outcome = district().agent().command({"resync", "public.note", "--delete-extra", "--follow"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  writers.let_write();
  writers.stop();
  tree.expect_equal();
  expect_nothing_to_say();
}

// What it wrote since goes, as far as it is little.
TEST_F(MishapsTest, a_district_put_back_to_yesterday_brings_the_region_there_too) {
  start(300);
  district().cluster().back_up("yesterday");
  write_notes(301, 340, "today");
  district().sql().exec("UPDATE note SET body = 'changed today' WHERE id % 3 = 0; DELETE FROM note WHERE id < 20");
  tree.expect_equal();

  district().agent().stop();
  delete_queue();
  put_district_back("yesterday");
  const std::string before = stream();
  BothWrite writers(district(), region(), 1'000'000);
  start_district();
  expect_new_stream(before, "the queue was lost or is new");
  writers.let_write();
  writers.stop();
  tree.expect_equal();
  EXPECT_EQ(notes_at_region("body = 'before'"), 300);
  expect_nothing_to_say();
}

TEST_F(MishapsTest, a_district_put_back_to_yesterday_loses_little_by_itself_and_much_never) {
  start(300);
  district().cluster().back_up("yesterday");
  write_notes(301, 500, "today");
  district().sql().exec("UPDATE note SET body = 'changed today' WHERE id % 3 = 0");
  tree.expect_equal();

  district().agent().stop();
  delete_queue();
  put_district_back("yesterday");
  BothWrite writers(district(), region(), 1'000'000);
  start_district();
  writers.let_write();
  writers.stop();
  expect_kept(200);
  EXPECT_EQ(notes_at_region("id <= 300 AND body = 'before'"), 300) << "what it has is as the district has it";
  EXPECT_EQ(notes_at_region("id > 300 AND id <= 500"), 200);
}

// The statements of the README, as they stand there.
std::string runbook() {
  const std::string readme = read_file(std::filesystem::path(TRIBUTARY_SOURCE_DIR) / "README.md");
  std::istringstream lines(readme.substr(readme.find("### A district lost its rows")));
  std::string script;
  for (std::string line; std::getline(lines, line) && (script.empty() || !line.starts_with("#"));)
    if (line.starts_with("    ")) script += line.substr(4) + "\n";
  return script;
}

TEST_F(MishapsTest, the_region_gives_the_rows_back) {
  constexpr char kDocument[] =
      "CREATE TABLE document (id bigserial PRIMARY KEY, district text NOT NULL, title text, body bytea, "
      "at timestamptz, secret text, status text NOT NULL)";
  const std::vector<std::string> columns = {"id", "district", "title", "body", "at", "status"};
  tree.exec_everywhere(kDocument);
  district().edit().tables = {
      {.name = "public.document", .where = "status = 'approved'", .columns = columns, .owned = "district = 'A'"}};
  district().edit().owns = "owns = \"district = 'A'\"";
  tree.start();
  district().sql().exec(
      "INSERT INTO document (district, title, body, at, status) SELECT 'A', E'tab\t, \\\\, ż' || n, "
      "nullif(decode(md5(n::text), 'hex'), decode(md5('7'), 'hex')), now(), 'approved' FROM generate_series(1, 300) n");
  region().sql().exec("INSERT INTO document VALUES (-1, 'another', NULL, NULL, NULL, NULL, 'approved')");
  tree.expect_equal();
  const std::string others = "SELECT id, district, title, body, at, status FROM document WHERE id <> 5 ORDER BY id";
  const std::string before = table_text(region().sql(), others);

  create_district_anew(kDocument);
  district().sql().exec(
      "INSERT INTO document (id, district, title, status) VALUES (5, 'A', 'entered again already', 'approved')");
  Command command;
  command.words = {"bash", "-euc", "cd " + queue_directory().string() + "\n" + runbook()};
  command.environment = {{"region", region().cluster().conninfo("app")},
                         {"district", district().cluster().conninfo("app")}};
  const Outcome outcome = run(command);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output << runbook();

  start_district();
  district().sql().exec("INSERT INTO document (district, title, status) VALUES ('A', 'the next one', 'approved')");
  tree.expect_equal();
  EXPECT_EQ(extra(), 0);
  EXPECT_EQ(region().sql().value("SELECT title FROM document WHERE id = 5"), "entered again already");
  EXPECT_EQ(region().sql().value("SELECT title FROM document WHERE id = 301"), "the next one");
  region().sql().exec("DELETE FROM document WHERE id = 301");
  EXPECT_EQ(table_text(region().sql(), others), before);
}

}  // namespace
}  // namespace tributary::test
