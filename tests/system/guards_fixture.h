// A district whose approved documents travel, and an application that never rests while somebody alters what is
// published. Every draft says so in its key, status and body: nothing that says "draft" may be at the region, ever, nor
// in the district's queue, which keeps what went over the link.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "change/compression.h"
#include "queue/queue.h"
#include "support/hierarchy.h"

namespace tributary::test {

inline constexpr const char* kDocuments = R"(
  CREATE TABLE document (id text PRIMARY KEY, body text, status varchar(20) NOT NULL);
  CREATE TABLE entry (id int PRIMARY KEY);
)";

// Writes approved documents and drafts, approves, withdraws and deletes some; what PostgreSQL refuses meanwhile is
// left.
class Application {
 public:
  explicit Application(Node& node) : conninfo_(node.cluster().conninfo("app")), thread_([this] { run(); }) {}
  ~Application() { stop(); }
  void stop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void let_write(int rounds = 10) {
    const int until = rounds_ + rounds;
    wait_until("the application writes", [&] { return rounds_ >= until; });
  }

 private:
  void run() {
    Sql sql(conninfo_);
    sql.exec("SET synchronous_commit = local");
    for (int n = 1; !is_stopping_; ++n) {
      const std::string number = std::to_string(n);
      for (const std::string& statement :
           {"INSERT INTO entry VALUES (" + number + ")",
            "INSERT INTO document VALUES ('paper-" + number + "', 'paper', 'approved'), ('draft-" + number +
                "', 'draft', 'draft')",
            "UPDATE document SET body = 'draft again' WHERE id = 'draft-" + number + "'",
            "UPDATE document SET status = 'draft', body = 'draft' WHERE id = 'paper-" + std::to_string(n - 3) + "'",
            "UPDATE document SET status = 'approved', body = 'paper' WHERE id = 'paper-" + std::to_string(n - 6) + "'",
            "DELETE FROM document WHERE id IN ('draft-" + std::to_string(n - 5) + "', 'paper-" +
                std::to_string(n - 17) + "')"}) {
        try {
          sql.exec(statement);
        } catch (const SqlError&) {  // the table is gone, or lacks an identity
        }
      }
      ++rounds_;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  const std::string conninfo_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<int> rounds_ = 0;
  std::thread thread_;
};

class GuardsTest : public testing::Test {
 protected:
  static constexpr const char* kPublished = "status = 'approved'";

  explicit GuardsTest(const std::string& schema = kDocuments, const ClusterOptions& cluster = {}) {
    region_ = &tree.add({.name = "region"});
    district_ = &tree.add({.name = "district",
                           .parent = "region",
                           .tables = {{.name = "public.document", .where = kPublished}, {.name = "public.entry"}},
                           .cluster = cluster});
    tree.exec_everywhere(schema);
    // Whatever came once, and went.
    region_->sql().exec(R"(
      CREATE TABLE came (id text);
      GRANT ALL ON came TO PUBLIC;
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF new.body LIKE 'draft%' OR new.id LIKE 'draft%' THEN INSERT INTO public.came VALUES (new.id); END IF;
        RETURN new; END $$;
      CREATE TRIGGER note AFTER INSERT OR UPDATE ON document FOR EACH ROW EXECUTE FUNCTION note();
      ALTER TABLE document ENABLE ALWAYS TRIGGER note)");
  }
  void start() {
    district().sql().exec(
        "INSERT INTO document SELECT s || '-old-' || n, s, CASE s WHEN 'paper' THEN 'approved' ELSE s "
        "END FROM generate_series(1, 200) n, (VALUES ('paper'), ('draft')) AS v(s)");
    tree.start();
    application_ = std::make_unique<Application>(district());
    application().let_write();
  }
  Node& region() { return *region_; }
  Node& district() { return *district_; }
  Application& application() { return *application_; }

  static status::Notice notice_of(Node& node, const std::string& subject) {
    const status::NodeStatus status = node.agent().status();
    for (const status::Notice& notice : status.notices())
      if (notice.subject() == subject) return notice;
    return {};
  }
  status::Notice wait_for_held(const std::string& subject, const std::string& words) {
    status::Notice notice;
    wait_until(subject + " is held: " + words, [&] {
      notice = notice_of(district(), subject);
      return notice.health() == status::HELD && notice.message().find(words) != std::string::npos;
    });
    return notice;
  }
  int64_t entries_at_region() { return region().sql().number("SELECT count(*) FROM entry"); }

  // The table is named with what mends it, and everything else goes on.
  void expect_table_held(const std::string& words, const std::string& mend = "tributary init") {
    try {
      const status::Notice notice = wait_for_held(kTable, words);
      EXPECT_THAT(notice.hint(), testing::HasSubstr(mend));
      const auto before = entries_at_region();
      wait_until("other tables go on", [&] { return entries_at_region() > before + 5; });
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << tree.logs();
    }
    application().let_write();
  }
  void expect_capture_held(const std::string& words, const std::string& mend = "tributary init") {
    try {
      const status::Notice notice = wait_for_held("capture", words);
      EXPECT_THAT(notice.hint(), testing::HasSubstr(mend));
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << tree.logs();
    }
    application().let_write();
  }
  // It goes on by itself; both sides become equal; no draft was ever at the region or in the queue.
  void expect_well_again() {
    try {
      wait_until("nothing is held", [&] {
        return notice_of(district(), kTable).message().empty() && notice_of(district(), "capture").message().empty() &&
               district().agent().status().capture().state() == "streaming";
      });
      application().let_write();
      district().wait_until_copied();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << tree.logs();
    }
    application().stop();
    tree.expect_equal();
    expect_no_draft();
  }
  void expect_no_draft() {
    EXPECT_EQ(region().sql().number("SELECT count(*) FROM came"), 0);
    district().agent().stop();
    Queue queue({.path = (district().agent().directory() / "queue.db").string()});
    int64_t after = 0;
    size_t batches = 0;
    for (auto stored = queue.read_after(0, 100, 1 << 24); !stored.empty();
         stored = queue.read_after(after, 100, 1 << 24)) {
      for (const StoredBatch& entry : stored) {
        after = entry.id;
        if (entry.batch.kind != BatchKind::changes) continue;
        ++batches;
        EXPECT_EQ(decompress(entry.batch.payload, entry.batch.raw_bytes).find("draft"), std::string::npos)
            << "a draft is in the queue";
      }
    }
    EXPECT_GT(batches, 0U);
  }

  static constexpr const char* kTable = "table public.document";
  Hierarchy tree;

 private:
  Node* region_;
  Node* district_;
  std::unique_ptr<Application> application_;
};

}  // namespace tributary::test
