// PostgreSQL's plans for what the lane writes: the rows of a large table are found by their keys' index, whatever the
// statistics say of the table.
#include <gmock/gmock.h>

#include <cstdio>
#include <map>
#include <utility>

#include "apply_fixture.h"
#include "change/digest.h"

namespace tributary {
namespace {

constexpr int kRows = 200'000;
constexpr uint32_t kUuidOid = 2950;

struct History {
  const char* name;
  std::vector<std::string> before_rows;  // what is done to each empty table $t, with $row the columns of a row n

  friend void PrintTo(const History& history, std::ostream* out) { *out << history.name; }
};

const History kHistories[] = {
    {"NeverAnalysed", {}},
    {"AnalysedWhileEmpty", {"ANALYZE $t"}},
    {"AnalysedWithAFewRows", {"INSERT INTO $t SELECT $row FROM generate_series(-3, -1) n", "ANALYZE $t"}},
    {"AnalysedWithRowsThatAreGone",
     {"INSERT INTO $t SELECT $row FROM generate_series(-50000, -1) n", "ANALYZE $t", "DELETE FROM $t"}},
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string hex_of(const std::string& bytes) {
  std::string hex;
  for (const char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    hex += digits;
  }
  return hex;
}

// A table, and its row number n.
struct Keyed {
  Relation relation;
  std::string key_definition;
  std::string row;
  std::vector<std::string> (*key)(int n);
};

std::string district_of(int n) {
  return "district-" + std::to_string(n % 100);
}

const Keyed kTables[] = {
    {table_of("by_uuid", {"id*", "district", "title", "body"}, {{"id", kUuidOid}}),
     "id uuid PRIMARY KEY, district text", "md5(n::text)::uuid, 'district-' || n % 100, 'old', 'old'",
     [](int n) {
       return std::vector<std::string>{std::to_string(n), district_of(n)};
     }},
    {table_of("by_text", {"id*", "district", "title", "body"}), "id text PRIMARY KEY, district text",
     "'document ' || n, 'district-' || n % 100, 'old', 'old'",
     [](int n) {
       return std::vector<std::string>{"document " + std::to_string(n), district_of(n)};
     }},
    {table_of("by_pair", {"district*", "number*", "title", "body"}, {{"number", kInt4Oid}}),
     "district text, number int, PRIMARY KEY (district, number)", "'district-' || n % 100, n, 'old', 'old'",
     [](int n) {
       return std::vector<std::string>{district_of(n), std::to_string(n)};
     }},
};

class ApplyPlans : public ApplyTest, public testing::WithParamInterface<History> {
 protected:
  ApplyPlans() {
    for (const Keyed& table : kTables) {
      const std::string name = table.relation.name;
      say_refreshed(name);
      sql_->exec("CREATE TABLE " + name + " (" + table.key_definition +
                 ", title text, body text) WITH (autovacuum_enabled = false)");
      for (const std::string& step : GetParam().before_rows)
        sql_->exec(replaced(replaced(step, "$t", name), "$row", table.row));
      sql_->exec("INSERT INTO " + name + " SELECT " + table.row + " FROM generate_series(1, " + std::to_string(kRows) +
                 ") n");
    }
    for (const test::Row& row :
         sql_->rows("SELECT md5(n::text)::uuid FROM generate_series(1, $1) n", {std::to_string(2 * kRows)}))
      uuids_.push_back(*row[0]);
    // All rows are the child's, and were so before: a table whose owner changes is looked at once, whatever it takes.
    for (const Keyed& table : kTables)
      sql_->exec("INSERT INTO tributary.ownership (child, table_name, condition) VALUES ($1, $2, 'true')",
                 {child_.name, table.relation.full_name()});
    sql_->exec("SELECT pg_stat_force_next_flush()");
    sql_->exec("SELECT pg_stat_reset()");
  }

  void change(ChangeKind kind, const Keyed& table, int n, const Value& title, const Value& body) {
    std::vector<std::string> key = table.key(n);
    if (table.relation.name == "by_uuid") key[0] = uuids_.at(static_cast<size_t>(n - 1));
    stream_.change(kind, table.relation, {text(key[0]), text(key[1]), title, body});
  }

  // Of each table: `count` rows each that are replaced, changed in part, changed without a large value, deleted, new.
  void deliver_group(int count) {
    for (const Keyed& table : kTables) {
      for (int i = 0; i < count; ++i) {
        change(ChangeKind::put, table, next_ + i, text("put"), text("put"));
        change(ChangeKind::patch, table, next_ + count + i, text("patched"), text("patched"));
        change(ChangeKind::patch, table, next_ + 2 * count + i, text("patched"), i % 2 ? kUnchanged : text("patched"));
        change(ChangeKind::remove, table, next_ + 3 * count + i, kNull, kNull);
        change(ChangeKind::put, table, kRows + next_ + i, text("new"), text("new"));
      }
    }
    stream_.commit();
    next_ += 4 * count;
    written_ += count;
    EXPECT_FALSE(deliver_all().hold);
  }

  // A backend's counts are there for certain when it has ended.
  void close_connections() {
    connect_to(cluster_->conninfo(database_));
    test::wait_until("the lane's sessions have ended", [&] {
      return sql_->number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lane'") == 0;
    });
  }
  // Since the last time.
  void expect_found_by_key() {
    close_connections();
    const int written = std::exchange(looked_at_, written_);
    for (const Keyed& table : kTables) {
      const std::string name = table.relation.name;
      EXPECT_EQ(rows("SELECT seq_scan, seq_tup_read FROM pg_stat_user_tables WHERE relname = '" + name + "'"),
                "0 | 0\n")
          << name;
      // An index that is read from end to end is no better.
      const int64_t all = sql_->number("SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = '" + name + "'");
      EXPECT_LT(all - std::exchange(fetched_[name], all), 6 * (written_ - written)) << name;
    }
  }

  // Reads the tables whole, so it comes last.
  void expect_contents() {
    for (const Keyed& table : kTables) {
      const std::string& name = table.relation.name;
      EXPECT_EQ(rows("SELECT title, count(*) FROM " + name + " WHERE title <> 'old' GROUP BY title ORDER BY title"),
                "new | " + std::to_string(written_) + "\npatched | " + std::to_string(2 * written_) + "\nput | " +
                    std::to_string(written_) + "\n");
      EXPECT_EQ(sql_->number("SELECT count(*) FROM " + name + " WHERE district NOT LIKE '%--%'"), kRows) << name;
    }
  }

  std::vector<std::string> uuids_;
  int next_ = 1;
  int written_ = 0;
  int looked_at_ = 0;
  std::map<std::string, int64_t> fetched_;
};

TEST_P(ApplyPlans, RowsAreFoundByTheirKeys) {
  // More often than PostgreSQL plans a prepared statement for its parameters.
  for (int group = 0; group < 7; ++group) deliver_group(5);
  expect_found_by_key();
  for (int group = 0; group < 2; ++group) deliver_group(300);
  expect_found_by_key();
  deliver_group(20'000);
  expect_found_by_key();
  expect_contents();
}

TEST_P(ApplyPlans, OwnedRowsAreFoundByTheirKeys) {
  child_.owns = "district LIKE 'district-%'";
  for (int group = 0; group < 7; ++group) deliver_group(5);
  expect_found_by_key();
  deliver_group(300);
  expect_found_by_key();
  deliver_group(20'000);
  expect_found_by_key();
  expect_contents();
}

// As a person may have set it for the application's sessions.
TEST_P(ApplyPlans, SettingsOfTheDatabaseChangeNothing) {
  for (const char* setting : {"enable_indexscan", "enable_bitmapscan", "enable_nestloop"})
    sql_->exec("ALTER DATABASE " + database_ + " SET " + setting + " = off");
  deliver_group(5);
  deliver_group(300);
  expect_found_by_key();
  expect_contents();
}

// Chunks and digests from the middle of a table: what they cost is in their range. Text keys, which are walked in the
// order of their bytes, need an index that has it.
TEST_P(ApplyPlans, RangesAreFoundByTheirKeys) {
  const Keyed& table = kTables[2];
  sql_->exec("CREATE INDEX ON by_pair (district COLLATE \"C\", number)");
  sql_->exec("SELECT pg_stat_force_next_flush()");
  sql_->exec("SELECT pg_stat_reset()");
  const auto key = [](int n) {
    std::string bytes;
    const std::string number = std::to_string(n);
    write_tuple(bytes, {text("district-7"), text(number)});
    return bytes;
  };
  begin();
  sql_->exec("UPDATE tributary.walk SET is_complete = false, walked_to = '\\x" + hex_of(key(100'007)) +
             "' WHERE table_name = 'public.by_pair'");
  int n = 100'007;
  for (int i = 0; i < 8; ++i) {
    std::deque<std::string> bytes;
    ChunkView chunk;
    chunk.after = bytes.emplace_back(key(n));
    chunk.up_to = bytes.emplace_back(key(n + 1000));
    for (int row = n + 100; row <= n + 900; row += 100) {  // the last one of the range the child does not have
      const std::string number = std::to_string(row);
      write_tuple(bytes.emplace_back(), {text("district-7"), text(number), text(i % 2 ? "old" : "new"), text("old")});
      chunk.rows.push_back(bytes.back());
    }
    n += 1000;
    stream_.change_of_bytes(ChangeKind::chunk, table.relation, encode_chunk(chunk)).commit();
    DigestView digest;
    digest.after = bytes.emplace_back(key(n));
    digest.ranges.emplace_back().end = bytes.emplace_back(key(n + 1000));
    stream_.change_of_bytes(ChangeKind::digest, table.relation, encode_digest(digest)).commit();
  }
  EXPECT_FALSE(deliver_all().hold);
  EXPECT_EQ(sql_->number("SELECT count(*) FROM tributary.extra"), 8);
  close_connections();
  EXPECT_EQ(rows("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'by_pair'"), "0\n");
  EXPECT_LT(sql_->number("SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'by_pair'"), 8 * 10 * 12);
}

INSTANTIATE_TEST_SUITE_P(Statistics, ApplyPlans, testing::ValuesIn(kHistories),
                         [](const auto& history) { return std::string(history.param.name); });

}  // namespace
}  // namespace tributary
