#include "support/sql.h"

#include <libpq-fe.h>

#include <sstream>

namespace tributary::test {

namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;

Result checked(PGconn* connection, PGresult* raw, const std::string& sql) {
  Result result(raw);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) return result;
  const char* sqlstate = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  throw SqlError(std::string(PQerrorMessage(connection)) + "in: " + sql.substr(0, 400), sqlstate ? sqlstate : "");
}

Result with_params(PGconn* connection, const std::string& sql, const Row& params) {
  std::vector<const char*> values;
  for (const auto& param : params) values.push_back(param ? param->c_str() : nullptr);
  return checked(connection,
                 PQexecParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                              nullptr, 0),
                 sql);
}

struct Table {
  std::vector<std::string> columns;
  std::map<Row, Row> rows;  // by key
};

Table read_table(Sql& sql, const std::string& query, size_t key_columns) {
  const Result result = checked(sql.get(), PQexec(sql.get(), query.c_str()), query);
  Table table;
  for (int column = 0; column < PQnfields(result.get()); ++column) {
    table.columns.emplace_back(PQfname(result.get(), column));
  }
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    Row values;
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (PQgetisnull(result.get(), row, column)) {
        values.emplace_back();
      } else {
        values.emplace_back(std::string(PQgetvalue(result.get(), row, column),
                                        static_cast<size_t>(PQgetlength(result.get(), row, column))));
      }
    }
    const Row key(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(std::min(key_columns, values.size())));
    if (!table.rows.emplace(key, std::move(values)).second) throw std::runtime_error("a key comes twice in: " + query);
  }
  return table;
}

std::string key_text(const Row& key) {
  std::string text;
  for (const auto& value : key) text += (text.empty() ? "" : ", ") + value.value_or("NULL");
  return "(" + text + ")";
}

}  // namespace

void Sql::Close::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

Sql::Sql(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
  if (PQstatus(get()) != CONNECTION_OK) {
    throw SqlError(std::string(PQerrorMessage(get())) + "at: " + conninfo, "08006");
  }
  PQsetNoticeProcessor(
      get(), [](void*, const char*) {}, nullptr);
  // Comparisons must not depend on what a test did with ALTER ROLE or ALTER DATABASE.
  exec(
      "SET client_encoding = 'UTF8'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC';"
      "SET extra_float_digits = 1; SET bytea_output = 'hex'; SET row_security = off;"
      "SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off;"
      "SET search_path = public; SET statement_timeout = 0; SET synchronous_commit = on;"
      "SET session_replication_role = DEFAULT");
}

void Sql::exec(const std::string& sql) {
  checked(get(), PQexec(get(), sql.c_str()), sql);
}

void Sql::exec(const std::string& sql, const Row& params) {
  with_params(get(), sql, params);
}

std::vector<Row> Sql::rows(const std::string& sql, const Row& params) {
  const Result result = with_params(get(), sql, params);
  std::vector<Row> rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    Row& values = rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (PQgetisnull(result.get(), row, column)) {
        values.emplace_back();
      } else {
        values.emplace_back(PQgetvalue(result.get(), row, column));
      }
    }
  }
  return rows;
}

std::string Sql::value(const std::string& sql, const Row& params) {
  const std::vector<Row> result = rows(sql, params);
  if (result.empty() || result[0].empty()) throw std::runtime_error("no row from: " + sql);
  return result[0][0].value_or("");
}

int64_t Sql::number(const std::string& sql, const Row& params) {
  return std::stoll(value(sql, params));
}

int Sql::backend_pid() const {
  return PQbackendPID(get());
}

std::string table_text(Sql& sql, const std::string& query) {
  std::string text;
  for (const Row& row : sql.rows(query)) {
    std::string line;
    for (const auto& value : row) line += (line.empty() ? "" : " | ") + value.value_or("NULL");
    text += line + "\n";
  }
  return text;
}

std::string difference(Sql& expected, const std::string& expected_query, Sql& actual, const std::string& actual_query,
                       size_t key_columns) {
  const Table want = read_table(expected, expected_query, key_columns);
  const Table have = read_table(actual, actual_query, key_columns);
  if (want.columns != have.columns) return "the columns differ: " + expected_query + " against " + actual_query + "\n";
  std::ostringstream text;
  size_t count = 0;
  const auto note = [&](const Row& key, const std::string& what) {
    if (++count <= 10) text << "  " << key_text(key) << ": " << what << "\n";
  };
  for (const auto& [key, row] : want.rows) {
    const auto found = have.rows.find(key);
    if (found == have.rows.end()) {
      note(key, "missing");
    } else if (found->second != row) {
      std::string columns;
      for (size_t column = 0; column < row.size(); ++column) {
        if (row[column] != found->second[column]) columns += " " + want.columns[column];
      }
      note(key, "differs in" + columns);
    }
  }
  for (const auto& [key, row] : have.rows) {
    if (!want.rows.contains(key)) note(key, "should not be there");
  }
  if (count == 0) return "";
  return std::to_string(count) + " of " + std::to_string(want.rows.size()) + " rows differ:\n" + text.str();
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + "'";
}

}  // namespace tributary::test
