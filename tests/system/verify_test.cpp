// A node's tables are compared with its parent's while both are in use, and what differs is mended, for few bytes.
#include "system/load.h"

namespace tributary::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr char kDocuments[] = R"(
  CREATE TABLE document (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text, body text, status text NOT NULL);
)";
// 270 bytes each.
constexpr char kInsert[] =
    "INSERT INTO document (id, title, body, status) SELECT md5(n::text)::uuid, 'document ' || n, repeat(md5(n::text), "
    "6),"
    " 'approved' FROM generate_series(1, $) n";

std::string with_count(std::string sql, int count) {
  return sql.replace(sql.find('$'), 1, std::to_string(count));
}

class VerifyTest : public testing::Test {
 protected:
  explicit VerifyTest(const std::string& config = {}) {
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district",
                           .parent = "region",
                           .tables = {{.name = "public.document", .where = "status = 'approved'"}},
                           .config = config});
  }
  // Both sides have so many documents before the stream begins.
  void start_with(int documents) {
    tree.exec_everywhere(kDocuments);
    for (Node* node : {region_, district_}) node->sql().exec(with_count(kInsert, documents));
    tree.init();
    region_->agent().start();
    const uint64_t before = bytes();
    district_->agent().start();
    district_->wait_until_copied();
    walk_bytes = bytes() - before;
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }
  uint64_t bytes() { return district_->link().bytes_to_parent() + district_->link().bytes_to_child(); }
  Outcome verify(std::vector<std::string> words = {}) {
    words.insert(words.begin(), "verify");
    return district_->agent().command(words, seconds(300));
  }

  Hierarchy tree;
  uint64_t walk_bytes = 0;

 private:
  Node* region_;
  Node* district_;
};

TEST_F(VerifyTest, equal_rows_cost_digests_alone) {
  start_with(1'000'000);
  EXPECT_LT(walk_bytes, 1U << 20) << "of the walk that a new stream begins with";
  EXPECT_EQ(region().sql().number("SELECT count(*) FROM document WHERE xmin::text::bigint > "
                                  "(SELECT min(xmin::text::bigint) FROM document)"),
            0)
      << "what is equal is not written";
  uint64_t before = bytes();
  const Outcome equal = verify();
  EXPECT_EQ(equal.exit_code, 0) << equal.output;
  EXPECT_THAT(equal.output, HasSubstr("1,000,000 rows: equal"));
  const uint64_t verify_bytes = bytes() - before;
  EXPECT_LT(verify_bytes, 1U << 20);

  region().sql().exec(
      "UPDATE document SET body = 'edited' WHERE id IN (SELECT md5((n * 9973)::text)::uuid FROM generate_series(1, "
      "100) n)");
  before = bytes();
  const Outcome mended = verify({"--repair"});
  EXPECT_EQ(mended.exit_code, 0) << mended.output;
  EXPECT_THAT(mended.output, HasSubstr("100 different"));
  tree.expect_equal();
  EXPECT_LT(bytes() - before, 2U << 20);
  RecordProperty("walk_bytes", std::to_string(walk_bytes));
  RecordProperty("verify_bytes", std::to_string(verify_bytes));
  RecordProperty("mend_bytes", std::to_string(bytes() - before));
}

TEST_F(VerifyTest, a_new_stream_mends_few_differing_rows_for_few_bytes) {
  tree.exec_everywhere(kDocuments);
  for (Node* node : {&region(), &district()}) node->sql().exec(with_count(kInsert, 200'000));
  region().sql().exec(
      "UPDATE document SET body = 'older' WHERE id IN (SELECT md5((n * 1999)::text)::uuid FROM generate_series(1, 90) "
      "n);"
      "DELETE FROM document WHERE id IN (SELECT md5((n * 1997)::text)::uuid FROM generate_series(1, 10) n)");
  tree.start();
  tree.expect_equal();
  EXPECT_LT(bytes(), 2U << 20);
}

TEST_F(VerifyTest, what_differs_is_named_by_its_keys) {
  start_with(1000);
  const auto id = [](int n) { return "md5('" + std::to_string(n) + "')::uuid"; };
  const auto key = [&](int n) { return region().sql().value("SELECT " + id(n)); };
  region().sql().exec("DELETE FROM document WHERE id = " + id(7) + "; UPDATE document SET title = 'x' WHERE id = " +
                      id(8) + "; INSERT INTO document VALUES (" + id(-9) + ", 'more', NULL, 'approved')");
  const Outcome outcome = verify({"public.document"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("1,000 rows: 1 missing at the parent, 1 different, 1 only at the parent"));
  EXPECT_THAT(outcome.output, HasSubstr("missing " + key(7)));
  EXPECT_THAT(outcome.output, HasSubstr("different " + key(8)));
  EXPECT_THAT(outcome.output, HasSubstr("extra " + key(-9)));
  EXPECT_NE(district().difference(), "") << "it only looks";
  EXPECT_EQ(verify({"--repair"}).exit_code, 0);
  tree.expect_equal();
  const auto verification = district().agent().status().capture().verification();
  EXPECT_EQ(verification.state(), status::Verification::FINISHED);
  EXPECT_EQ(verification.tables(0).missing(), 1u);
  wait_until("the region shows it", [&] {
    const auto node = region().agent().status();
    return node.children_size() == 1 && node.children(0).status().capture().verification().repairs();
  });
}

TEST_F(VerifyTest, nothing_is_told_wrongly_of_rows_that_change) {
  tree.exec_everywhere(kLedger);
  tree.exec_everywhere(
      "CREATE TABLE document (id bigserial PRIMARY KEY, title text NOT NULL, body text, status text NOT NULL)");
  tree.start();
  Load load(district().cluster(), "app", 3);
  Load other(district().cluster(), "app", 4);
  for (int i = 0; i < 20; ++i) {
    const Outcome outcome = verify();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  }
  load.stop();
  other.stop();
  EXPECT_GT(load.transactions(), 100);
  tree.expect_equal();
}

TEST_F(VerifyTest, an_unfinished_comparison_is_cancelled_and_one_at_a_time) {
  start_with(200'000);
  district().link().cut();
  Outcome outcome;
  std::thread thread([&] { outcome = verify(); });
  wait_until("it is under way", [&] {
    return district().agent().status().capture().verification().state() == status::Verification::UNDER_WAY;
  });
  EXPECT_THAT(verify().output, HasSubstr("another comparison is under way"));
  EXPECT_EQ(verify({"--cancel"}).exit_code, 0);
  thread.join();
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("not finished"));
  district().link().restore();
  EXPECT_EQ(verify().exit_code, 0);
}

class RegularVerifyTest : public VerifyTest {
 protected:
  RegularVerifyTest() : VerifyTest("[verify]\nevery = \"2s\"\n") {}
};

TEST_F(RegularVerifyTest, mends_what_the_stream_never_said) {
  start_with(500);
  region().sql().exec("DELETE FROM document WHERE id = (SELECT min(id::text)::uuid FROM document)");
  tree.expect_equal();
}

}  // namespace
}  // namespace tributary::test
