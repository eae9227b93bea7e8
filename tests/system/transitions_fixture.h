// Tables that differ in what decides whether a row leaves, and random changes of them.
//
// Every transaction also counts up in the table `place`, which travels like the rest: whoever reads `place` and the
// tables in one statement, at any tier, knows which of the district's states they must show.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/hierarchy.h"

namespace tributary::test {

struct FilteredTable {
  std::string name;
  std::string state;                // the type of the filter's column
  std::string where;                // at every tier
  std::vector<std::string> states;  // literals
  char identity = 'i';              // pg_class.relreplident that init is to choose, or finds
  bool is_pushed_down = true;       // PostgreSQL takes the filter into the publication
  bool sends_state = true;          // false: the column that the filter reads stays at the district
};

inline std::vector<FilteredTable> filtered_tables() {
  const std::vector<std::string> words = {"'draft'", "'approved'", "'unknown'", "'printed'"};
  const std::vector<std::string> words_and_null = {"'draft'", "'approved'", "NULL", "'printed'"};
  const std::vector<std::string> booleans = {"true", "false"}, booleans_and_null = {"true", "false", "NULL"};
  const std::vector<std::string> labels = {"'draft'", "'approved'"},
                                 labels_and_null = {"'draft'", "'approved'", "NULL"};
  const std::vector<std::string> times = {"'2025-12-31 23:59:59.999999'",
                                          "'2026-01-01'",
                                          "'2026-01-01 00:00:00.000001'",
                                          "'-infinity'",
                                          "'infinity'",
                                          "NULL"};
  return {
      {"text_by_index", "varchar(20) NOT NULL", "NULLIF(state, 'unknown') = 'approved'", words},
      {"text_full", "text", "state = 'approved'", words_and_null, 'f'},
      {"boolean_by_index", "boolean NOT NULL", "state", booleans},
      {"boolean_full", "boolean", "state", booleans_and_null, 'f'},
      {"timestamp_full", "timestamp", "state <= '2026-01-01'", times, 'f'},
      {"not_null", "timestamptz", "state IS NOT NULL", {"NULL", "'2026-01-01'", "'infinity'"}, 'f'},
      {"in_list_full", "text NOT NULL", "state IN ('approved', 'printed')", words, 'f'},
      {"in_list_by_index", "varchar(20) NOT NULL", "state IN ('approved', 'printed')", words, 'i', false},
      {"by_key", "text NOT NULL", "id % 2 = 0", words, 'd'},
      {"enum_by_index", "approval NOT NULL", "state = 'approved'", labels, 'i', false},
      {"enum_full", "approval", "state = 'approved'", labels_and_null, 'f', false},
      {"function_by_index", "varchar(20) NOT NULL", "public.is_released(state)", words, 'i', false},
      {"function_full", "text", "public.is_released(state)", words_and_null, 'f', false},
      {"state_stays", "varchar(20) NOT NULL", "state = 'approved'", words, 'i', true, false},
      {"enum_stays", "approval NOT NULL", "state = 'approved'", labels, 'i', false, false},
  };
}

inline std::string filtered_schema() {
  std::string sql = R"(
    CREATE TYPE approval AS ENUM ('draft', 'approved');
    CREATE FUNCTION is_released(state text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
      $$ BEGIN RETURN state IN ('approved', 'printed'); END $$;
    CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql VOLATILE AS $$
      SELECT substr(string_agg(md5(random()::text), ''), 1, bytes) FROM generate_series(0, bytes / 32) $$;
    CREATE TABLE place (id int PRIMARY KEY, number int NOT NULL);
  )";
  for (const FilteredTable& table : filtered_tables()) {
    sql += "CREATE TABLE " + table.name + " (id int PRIMARY KEY, title text NOT NULL, body text, image bytea, state " +
           table.state + (table.sends_state ? "" : " DEFAULT 'draft'") + ");\n";
    if (table.identity == 'f') sql += "ALTER TABLE " + table.name + " REPLICA IDENTITY FULL;\n";
  }
  return sql;
}

// At the district: every version of a row that met its filter is written down, and no other may ever leave.
inline std::string record_of_the_visible() {
  std::string sql = "CREATE TABLE visible (name text, id text, title text, body text);\n";
  for (const FilteredTable& table : filtered_tables()) {
    sql += "CREATE FUNCTION record_" + table.name + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n" +
           "INSERT INTO visible SELECT '" + table.name + "', new.id, new.title, left(new.body, 12)\n" +
           "WHERE (SELECT " + table.where + " FROM (SELECT new.*) AS " + table.name + "); RETURN new; END $$;\n" +
           "CREATE TRIGGER record AFTER INSERT OR UPDATE ON " + table.name + " FOR EACH ROW EXECUTE FUNCTION record_" +
           table.name + "();\n";
  }
  return sql;
}

inline std::vector<SentTable> sent_tables(bool is_district) {
  std::vector<SentTable> tables = {{.name = "public.place"}};
  for (const FilteredTable& table : filtered_tables()) {
    SentTable sent{.name = "public." + table.name, .where = table.where};
    if (!table.sends_state) sent.columns = {"id", "title", "body", "image"};
    if (!table.sends_state && !is_district) sent.where.clear();  // what came is approved, and does not say so
    tables.push_back(sent);
  }
  return tables;
}

// The number of the last transaction, and what every table shows; nothing before the first transaction.
inline std::string state_query(bool is_filtered) {
  std::string sql = "SELECT number";
  for (const FilteredTable& table : filtered_tables()) {
    const std::string columns = "id, title, body, image" + std::string(table.sends_state ? ", state" : "");
    sql += ", (SELECT md5(string_agg(md5(x::text), ' ' ORDER BY id)) FROM (SELECT " + columns + " FROM " + table.name +
           (is_filtered ? " WHERE " + table.where : "") + ") AS x) AS " + table.name;
  }
  return sql + " FROM place";
}

// Random transactions of several changes each, always the same for the same seed.
class RandomChanges {
 public:
  explicit RandomChanges(unsigned seed) : random_(seed), tables_(filtered_tables()), keys_(tables_.size()) {}

  std::string begin() { return "SELECT setseed(0.5); INSERT INTO place VALUES (1, 0);"; }

  std::string transaction() {
    std::string sql = "BEGIN; UPDATE place SET number = number + 1;\n";
    const int touched = 1 + below(4);
    for (int i = 0; i < touched; ++i) {
      const auto table = static_cast<size_t>(below(static_cast<int>(tables_.size())));
      for (int changes = 1 + below(5); changes > 0; --changes) sql += one_in(10) ? undone(table) : change(table);
    }
    return sql + "COMMIT;";
  }

 private:
  static constexpr int kKeys = 16;

  int below(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }
  bool one_in(int count) { return below(count) == 0; }

  std::string undone(size_t table) {
    const std::vector<int> before = keys_[table];
    std::string sql = "SAVEPOINT s; ";
    for (int i = 0; i < 2; ++i) sql += change(table);
    sql += "ROLLBACK TO s;\n";
    keys_[table] = before;
    return sql;
  }

  std::string change(size_t number) {
    const FilteredTable& table = tables_[number];
    std::vector<int>& keys = keys_[number];
    const int kind = below(20);
    if (keys.empty() || (kind < 5 && keys.size() < kKeys)) {
      keys.push_back(free_key(keys));
      return "INSERT INTO " + table.name + " VALUES (" + std::to_string(keys.back()) + ", " + title() + ", " + body() +
             ", " + image() + ", " + state(table) + ");\n";
    }
    const auto place = static_cast<size_t>(below(static_cast<int>(keys.size())));
    const std::string where = " WHERE id = " + std::to_string(keys[place]) + ";\n";
    if (kind < 7) {
      keys.erase(keys.begin() + static_cast<std::ptrdiff_t>(place));
      return "DELETE FROM " + table.name + where;
    }
    if (kind < 8)  // many rows at once
      return "UPDATE " + table.name + " SET state = " + state(table) + " WHERE id % 3 = " + std::to_string(below(3)) +
             ";\n";
    if (kind < 9 && keys.size() > 1) return swap(table.name, keys[place], keys[(place + 1) % keys.size()]);
    if (kind < 10 && one_in(4)) {
      keys.clear();
      return "TRUNCATE " + table.name + ";\n";
    }
    std::string set;
    const auto add = [&](const std::string& part) { set += (set.empty() ? "" : ", ") + part; };
    if (kind >= 17) add("id = " + std::to_string(keys[place] = free_key(keys)));
    if (!one_in(3)) add("state = " + state(table));
    if (one_in(3)) add("title = " + title());
    if (one_in(4)) add("body = " + body());
    if (one_in(5)) add("image = " + image());
    if (set.empty()) add("state = state");  // an UPDATE that changes nothing
    return "UPDATE " + table.name + " SET " + set + where;
  }

  static std::string swap(const std::string& table, int a, int b) {
    const auto move = [&](int from, int to) {
      return "UPDATE " + table + " SET id = " + std::to_string(to) + " WHERE id = " + std::to_string(from) + "; ";
    };
    return move(a, 0) + move(b, a) + move(0, b) + "\n";
  }

  int free_key(const std::vector<int>& keys) {
    for (;;) {
      const int key = 1 + below(2 * kKeys);
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) return key;
    }
  }
  std::string title() { return "'version " + std::to_string(++version_) + "'"; }
  std::string body() {
    if (one_in(5)) return "NULL";
    return "'" + std::to_string(++version_) + ":' || noise(" + (one_in(3) ? "100" : "20000") + ")";
  }
  std::string image() { return one_in(3) ? "NULL" : "decode(noise(6000), 'hex')"; }
  std::string state(const FilteredTable& table) {
    return table.states[static_cast<size_t>(below(static_cast<int>(table.states.size())))];
  }

  std::mt19937 random_;
  std::vector<FilteredTable> tables_;
  std::vector<std::vector<int>> keys_;
  int version_ = 0;
};

}  // namespace tributary::test
