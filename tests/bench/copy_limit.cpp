#include "bench/copy_limit.h"

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

#include "support/sql.h"

namespace tributary::test {
namespace {

// COPY's data in the pieces in which PostgreSQL sent it: one a row.
using Pieces = std::vector<std::string>;

void expect(Sql& sql, ExecStatusType wanted, PGresult* raw) {
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(raw, PQclear);
  if (PQresultStatus(result.get()) != wanted)
    throw std::runtime_error(std::string("COPY: ") + PQerrorMessage(sql.get()));
}

void expect_end(Sql& sql) {
  expect(sql, PGRES_COMMAND_OK, PQgetResult(sql.get()));
  while (PGresult* result = PQgetResult(sql.get())) PQclear(result);
}

Pieces read_out(Sql& sql, const std::string& table) {
  expect(sql, PGRES_COPY_OUT, PQexec(sql.get(), ("COPY " + table + " TO STDOUT (FORMAT binary)").c_str()));
  Pieces pieces;
  char* piece = nullptr;
  for (int length; (length = PQgetCopyData(sql.get(), &piece, 0)) > 0; PQfreemem(piece))
    pieces.emplace_back(piece, static_cast<size_t>(length));
  expect_end(sql);
  return pieces;
}

void write_in(Sql& sql, const std::string& table, const Pieces& pieces) {
  expect(sql, PGRES_COPY_IN, PQexec(sql.get(), ("COPY " + table + " FROM STDIN (FORMAT binary)").c_str()));
  for (const std::string& piece : pieces) {
    if (PQputCopyData(sql.get(), piece.data(), static_cast<int>(piece.size())) != 1)
      throw std::runtime_error(std::string("COPY: ") + PQerrorMessage(sql.get()));
  }
  PQputCopyEnd(sql.get(), nullptr);
  expect_end(sql);
}

}  // namespace

double copy_rows_per_second(const std::string& conninfo, const std::string& table) {
  Sql sql(conninfo);
  const Pieces pieces = read_out(sql, table);
  sql.exec("CREATE TABLE copied (LIKE " + table + " INCLUDING ALL)");
  sql.exec("CHECKPOINT");
  const auto began = std::chrono::steady_clock::now();
  write_in(sql, "copied", pieces);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const auto rows = static_cast<double>(sql.number("SELECT count(*) FROM copied"));
  sql.exec("DROP TABLE copied");
  return rows / seconds;
}

}  // namespace tributary::test
