// Three tiers under load: a writer at the district that never rests, whatever is killed meanwhile.
//
// Documents are inserted, changed, approved, withdrawn, deleted and given other keys; every transaction also adds one
// entry to a ledger. Entries never change, so a second write of one, which the region and the nation count, means that
// its transaction was applied twice.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>

#include "support/hierarchy.h"

namespace tributary::test {

// A ledger, whose every write is counted where it is applied, and texts that do not shrink.
inline constexpr const char* kLedger = R"(
  CREATE TABLE entry (id int PRIMARY KEY);
  CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT substr(string_agg(md5(random()::text), ''), 1, bytes) FROM generate_series(0, bytes / 32)
  $$;
  CREATE TABLE written (id int);
  GRANT ALL ON written TO PUBLIC;
  CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.written VALUES (new.id); RETURN new; END $$;
  CREATE TRIGGER count_write AFTER INSERT OR UPDATE ON entry FOR EACH ROW EXECUTE FUNCTION count_write();
  ALTER TABLE entry ENABLE ALWAYS TRIGGER count_write;
)";

class Load {
 public:
  Load(Cluster& cluster, const std::string& database, uint32_t seed)
      : conninfo_(cluster.conninfo(database)), random_(seed), thread_([this] { run(); }) {}
  ~Load() { stop(); }
  void stop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int transactions() const { return transactions_; }

 private:
  void run() {
    std::unique_ptr<Sql> sql;
    while (!is_stopping_) {
      try {
        if (!sql) sql = std::make_unique<Sql>(conninfo_);
        sql->exec(transaction());
        ++transactions_;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      } catch (const SqlError&) {  // the server is down, or comes up again
        sql.reset();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
    }
  }
  std::string transaction() {
    static const char* const kinds[] = {
        "INSERT INTO document (title, body, status) VALUES ('new', noise(3000), 'draft')",
        "INSERT INTO document (title, body, status) SELECT 'new', noise(3000), 'approved' FROM generate_series(1, 5)",
        "UPDATE document SET status = 'approved' WHERE id % 7 = $n",
        "UPDATE document SET status = 'draft' WHERE id % 11 = $n",
        "UPDATE document SET title = title || '.' WHERE id % 5 = $n",
        "UPDATE document SET body = noise(3000) WHERE id % 17 = $n",
        "UPDATE document SET id = nextval('document_id_seq') WHERE id % 13 = $n",
        "DELETE FROM document WHERE id % 19 = $n"};
    std::string kind = kinds[random_() % std::size(kinds)];
    if (const size_t place = kind.find("$n"); place != std::string::npos)
      kind.replace(place, 2, std::to_string(random_() % 5));
    return "BEGIN; INSERT INTO entry SELECT coalesce(max(id), 0) + 1 FROM entry; " + kind + "; COMMIT";
  }

  const std::string conninfo_;
  std::mt19937 random_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<int> transactions_ = 0;
  std::thread thread_;
};

class LoadTest : public testing::Test {
 protected:
  LoadTest() {
    const std::vector<SentTable> tables = {{.name = "public.document", .where = "status = 'approved'"},
                                           {.name = "public.entry"}};
    nation_ = &tree.add({.name = "nation"});
    region_ = &tree.add({.name = "region", .parent = "nation", .tables = tables});
    district_ = &tree.add({.name = "district", .parent = "region", .tables = tables});
    tree.exec_everywhere(
        "CREATE TABLE document (id bigserial PRIMARY KEY, title text NOT NULL, body text, status text NOT NULL)");
    tree.exec_everywhere(kLedger);
    tree.start();
  }

  Node& nation() { return *nation_; }
  Node& region() { return *region_; }
  Node& district() { return *district_; }

  void expect_equal() { tree.expect_equal(std::chrono::seconds(150)); }

  // Call when the tiers are equal: every entry was written once, and starting again writes nothing.
  void expect_applied_exactly_once() {
    const auto versions = [&](Node& node) {
      return table_text(node.sql(),
                        "SELECT 'd', id, xmin, ctid FROM document UNION ALL "
                        "SELECT 'e', id, xmin, ctid FROM entry ORDER BY 1, 2");
    };
    const int64_t entries = district().sql().number("SELECT count(*) FROM entry");
    for (Node* node : {region_, nation_}) {
      EXPECT_EQ(node->sql().number("SELECT count(*) FROM written"), entries) << node->name();
      EXPECT_EQ(node->sql().number("SELECT count(DISTINCT id) FROM written"), entries) << node->name();
    }
    const std::string at_region = versions(region()), at_nation = versions(nation());
    for (const auto& node : tree.nodes()) node->agent().stop();
    for (const auto& node : tree.nodes()) node->agent().start();
    for (const auto& node : tree.nodes()) node->wait_until_streaming();
    district().sql().exec("INSERT INTO entry SELECT max(id) + 1 FROM entry");
    expect_equal();
    district().sql().exec("DELETE FROM entry WHERE id = (SELECT max(id) FROM entry)");
    expect_equal();
    EXPECT_EQ(versions(region()), at_region);
    EXPECT_EQ(versions(nation()), at_nation);
  }

  Hierarchy tree;

 private:
  Node* nation_;
  Node* region_;
  Node* district_;
};

}  // namespace tributary::test
