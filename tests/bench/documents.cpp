#include "bench/documents.h"

#include "bench/drain.h"
#include "bench/vocabulary.h"

namespace tributary::test {
namespace {

std::string select_documents(const DocumentText& text) {
  return "SELECT " + document_id("number") + R"(, 'district-a',
                 'Report ' || number || ' on ' || split_part(first.text, ' ', 2), )" +
         text.body + ", " + text.status + R"(, (random() * 100000)::numeric(12, 2),
                 jsonb_build_object('year', 2000 + number % 26, 'kind', 'report'), now()
          FROM generate_series($1::bigint, $2::bigint) number
            JOIN phrase first ON first.n = number * 7919 % 20000
            JOIN phrase second ON second.n = number * 104729 % 19997 )" +
         text.more_tables;
}

// Those of the documents $1 to $2 that meet a condition on `number`.
std::string where_number(const std::string& condition) {
  return " WHERE id = ANY (ARRAY(SELECT " + document_id("number") +
         " FROM generate_series($1::bigint, $2::bigint) number WHERE " + condition + "))";
}

// Every document of 1 to `documents` is revised `times` times, 1,000 a transaction.
void revise_documents(Sql& district, int documents, int times) {
  // Titles that grow with every revision would be another workload.
  const std::string sql =
      "UPDATE document SET title = 'Revision ' || $3 || right(title, 30), amount = amount + 1,"
      " updated_at = now()" +
      where_number("true");
  for (int time = 1; time <= times; ++time)
    in_transactions(district, 1, documents, 1000, sql, {std::to_string(time) + " of "});
}

DrainOptions inserts() {
  return {
      .name = "W1",
      .summary = "500,000 approved documents inserted, 1,000 a transaction",
      .tiers = {2, 3},
      .tables = {document_table()},
      .write = [](Sql& district, const Request& request) { insert_documents(district, 1, request.scaled(500'000)); },
      .changes = scaled(500'000),
      .has_copy_limit = true};
}

DrainOptions single_rows() {
  return {.name = "W2",
          .summary = "50,000 transactions of one row",
          .tiers = {3},
          .tables = {document_table()},
          .write = [](Sql& district,
                      const Request& request) { insert_documents_one_by_one(district, 1, request.scaled(50'000)); },
          .changes = scaled(50'000)};
}

DrainOptions repeated_updates() {
  return {
      .name = "W3",
      .summary = "200,000 updates over 20,000 rows, from the log and from the queue",
      .backlogs = {Backlog::kLog, Backlog::kQueue},
      .tables = {document_table()},
      .prepare = [](Sql& district, const Request& request) { insert_documents(district, 1, request.scaled(20'000)); },
      .write = [](Sql& district, const Request& request) { revise_documents(district, request.scaled(20'000), 10); },
      .changes = [](const Request& request) { return 10 * request.scaled(20'000); }};
}

DrainOptions scattered_updates() {
  return {
      .name = "W3b",
      .summary = "200,000 updates, each of another row",
      .tables = {document_table()},
      .prepare = [](Sql& district, const Request& request) { insert_documents(district, 1, request.scaled(200'000)); },
      .write = [](Sql& district, const Request& request) { revise_documents(district, request.scaled(200'000), 1); },
      .changes = scaled(200'000)};
}

// 20 % approved from the start (number % 5 = 0) and 20 % later (number % 5 = 1); of the former 5 % of all each
// un-approved and deleted; ten of a hundred consecutive numbers have long bodies, whatever their status.
void write_approvals(Sql& district, const Request& request) {
  const int rows = request.scaled(300'000) / 20 * 20;
  make_long_texts(district, 300, 20'000);
  const DocumentText text{.status = "CASE WHEN number % 5 = 0 THEN 'approved' ELSE 'draft' END",
                          .body = "coalesce(number || ' ' || long_text.text, first.text || ' ' || second.text)",
                          .more_tables =
                              "LEFT JOIN long_text ON number / 10 % 10 = 0"
                              " AND long_text.n = (number / 100 * 10 + number % 10) % 300"};
  insert_documents(district, 1, rows, text);
  in_transactions(district, 1, rows, 5'000,
                  "UPDATE document SET status = 'approved', updated_at = now()" + where_number("number % 5 = 1"));
  in_transactions(district, 1, rows, 20'000,
                  "UPDATE document SET status = 'draft', updated_at = now()" + where_number("number % 20 = 0"));
  in_transactions(district, 1, rows, 20'000, "DELETE FROM document" + where_number("number % 20 = 5"));
}

DrainOptions approvals() {
  return {.name = "W4",
          .summary = "300,000 documents, drafts and approvals and their ends, a tenth with 20 kB",
          .tiers = {3},
          .tables = {document_table()},
          .write = write_approvals,
          .changes = [](const Request& request) { return request.scaled(300'000) / 20 * 10; },
          .also_with_full_identity = true};
}

void write_during_outage(Sql& district, const Request& request) {
  insert_documents(district, 1, request.scaled(500'000));
  revise_documents(district, request.scaled(500'000) / 5, 3);
}

DrainOptions outage() {
  return {.name = "W6",
          .summary = "link down while 500,000 rows are inserted and a fifth is updated three times",
          .backlogs = {Backlog::kQueue},
          .tables = {document_table()},
          .write = write_during_outage,
          .changes = [](const Request& request) { return request.scaled(500'000) + request.scaled(500'000) / 5 * 3; }};
}

void write_large_documents(Sql& district, const Request& request) {
  make_long_texts(district, 100, 100'000);
  const DocumentText text{.body = "number || ' ' || long_text.text",
                          .more_tables = "JOIN long_text ON long_text.n = number % 100"};
  insert_documents(district, 1, request.scaled(2'000), text, 10);
}

DrainOptions large_rows() {
  return {.name = "large-rows",
          .summary = "2,000 documents of 100 kB, 10 a transaction",
          .tables = {document_table()},
          .write = write_large_documents,
          .changes = scaled(2'000),
          .only_against_native = true};
}

DrainOptions indexed_target() {
  PublishedTable table = document_table();
  table.indexes =
      "CREATE INDEX ON document (district, updated_at); CREATE INDEX ON document (title);"
      "CREATE INDEX ON document (amount)";
  return {
      .name = "indexed-target",
      .summary = "200,000 documents into a table with three secondary indexes",
      .tables = {table},
      .write = [](Sql& district, const Request& request) { insert_documents(district, 1, request.scaled(200'000)); },
      .changes = scaled(200'000),
      .only_against_native = true};
}

}  // namespace

// The body may be NULL: a peer that loses it shall go on, and be found out by the comparison.
PublishedTable document_table() {
  return {.name = "document",
          .columns = std::string("id uuid PRIMARY KEY, district text NOT NULL, title text NOT NULL, body text, ") +
                     kStatusColumn +
                     ", amount numeric(12, 2) NOT NULL, tags jsonb NOT NULL, updated_at timestamptz NOT NULL",
          .where = "status = 'approved'",
          .identity = "id, status"};
}

std::string document_id(const std::string& number) {
  return "md5((" + number + ")::text)::uuid";
}

void insert_documents(Sql& district, int first, int last, const DocumentText& text, int per_transaction) {
  in_transactions(district, first, last, per_transaction, "INSERT INTO document " + select_documents(text));
}

void insert_documents_one_by_one(Sql& district, int first, int last) {
  district.exec("CREATE UNLOGGED TABLE ready (LIKE document, number serial)");
  in_transactions(district, first, last, 10'000, "INSERT INTO ready " + select_documents({}));
  district.exec(R"(
    DO $$
    DECLARE
      row ready;
    BEGIN
      FOR row IN SELECT * FROM ready LOOP
        INSERT INTO document
          SELECT row.id, row.district, row.title, row.body, row.status, row.amount, row.tags, row.updated_at;
        COMMIT;
      END LOOP;
    END $$;
    )");
  district.exec("DROP TABLE ready");
}

Workloads document_workloads() {
  return make_drains({inserts(), single_rows(), repeated_updates(), scattered_updates(), approvals(), outage(),
                      large_rows(), indexed_target()});
}

}  // namespace tributary::test
