// A plain blocking session with PostgreSQL, for writing what a story needs and for comparing what came of it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

struct pg_conn;

namespace tributary::test {

class SqlError : public std::runtime_error {
 public:
  SqlError(const std::string& message, std::string sqlstate) : std::runtime_error(message), sqlstate_(sqlstate) {}
  const std::string& sqlstate() const { return sqlstate_; }

 private:
  std::string sqlstate_;
};

using Row = std::vector<std::optional<std::string>>;

class Sql {
 public:
  explicit Sql(const std::string& conninfo);  // throws SqlError

  void exec(const std::string& sql);  // one or more statements
  void exec(const std::string& sql, const Row& params);
  std::vector<Row> rows(const std::string& sql, const Row& params = {});
  std::string value(const std::string& sql, const Row& params = {});  // the first column of the first row; NULL is ""
  int64_t number(const std::string& sql, const Row& params = {});
  int backend_pid() const;
  pg_conn* get() const { return connection_.get(); }

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Close> connection_;
};

// One line per row, in the query's order: for messages and for comparing small tables.
std::string table_text(Sql& sql, const std::string& query);

// What differs between the results of two queries that both begin with `key_columns` columns of a unique key; their
// order does not matter. "" when they are equal. Names keys and columns, at most ten, never values.
std::string difference(Sql& expected, const std::string& expected_query, Sql& actual, const std::string& actual_query,
                       size_t key_columns = 1);

// A literal for use in statements: 'it''s'.
std::string quoted(const std::string& text);

}  // namespace tributary::test
