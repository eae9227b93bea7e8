#include "bench/tables.h"

#include "bench/documents.h"
#include "bench/drain.h"

namespace tributary::test {
namespace {

PublishedTable reading_table(const std::string& name) {
  return {.name = name,
          .columns =
              "id bigint PRIMARY KEY, sensor int NOT NULL, taken_at timestamptz NOT NULL,"
              " value double precision NOT NULL, " +
              std::string(kStatusColumn),
          .where = "status = 'approved'",
          .identity = "id, status"};
}

std::string insert_readings(const std::string& table) {
  return "INSERT INTO " + table +
         " SELECT n, n % 1000, now() + n * interval '1 second', random(), 'approved'"
         " FROM generate_series($1::bigint, $2::bigint) n";
}

DrainOptions one_transaction() {
  return {.name = "W5",
          .summary = "1,000,000 narrow rows in one transaction",
          .tables = {reading_table("reading")},
          .write =
              [](Sql& district, const Request& request) {
                district.exec(insert_readings("reading"), {"1", std::to_string(request.scaled(1'000'000))});
              },
          .changes = scaled(1'000'000)};
}

constexpr int kTables = 20, kRowsPerTable = 50;

std::string numbered_table(int number) {
  return "reading_" + std::to_string(number);
}

void write_to_many_tables(Sql& district, const Request& request) {
  for (int transaction = 0; transaction < request.scaled(200); ++transaction) {
    const int first = transaction * kRowsPerTable + 1;
    district.exec("BEGIN");
    for (int table = 1; table <= kTables; ++table)
      district.exec(insert_readings(numbered_table(table)),
                    {std::to_string(first), std::to_string(first + kRowsPerTable - 1)});
    district.exec("COMMIT");
  }
}

DrainOptions many_tables() {
  DrainOptions options{.name = "many-tables",
                       .summary = "200 transactions of 1,000 rows over 20 tables",
                       .write = write_to_many_tables,
                       .changes = [](const Request& request) { return request.scaled(200) * kTables * kRowsPerTable; },
                       .only_against_native = true};
  for (int table = 1; table <= kTables; ++table) options.tables.push_back(reading_table(numbered_table(table)));
  return options;
}

constexpr int kWideColumns = 38;  // beside the key and the status

PublishedTable wide_table() {
  std::string columns = std::string("id bigint PRIMARY KEY, ") + kStatusColumn;
  for (int column = 1; column <= kWideColumns; ++column)
    columns += ", c" + std::to_string(column) + (column % 2 ? " int" : " text");
  return {.name = "wide", .columns = columns, .where = "status = 'approved'", .identity = "id, status"};
}

void write_wide_rows(Sql& district, const Request& request) {
  std::string insert = "INSERT INTO wide SELECT n, 'approved'";
  for (int column = 1; column <= kWideColumns; ++column)
    insert +=
        column % 2 ? ", (random() * 100000)::int" : ", substr(md5((n * " + std::to_string(column) + ")::text), 1, 8)";
  insert += " FROM generate_series($1::bigint, $2::bigint) n";
  in_transactions(district, 1, request.scaled(100'000), 1000, insert);
}

DrainOptions wide_rows() {
  return {.name = "wide-table",
          .summary = "100,000 rows of 40 columns, 1,000 a transaction",
          .tables = {wide_table()},
          .write = write_wide_rows,
          .changes = scaled(100'000),
          .only_against_native = true};
}

}  // namespace

Workloads table_workloads() {
  return make_drains({one_transaction(), many_tables(), wide_rows()});
}

}  // namespace tributary::test
