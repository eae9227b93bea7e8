#include "bench/documents.h"

#include <algorithm>

namespace tributary::test {

const char* const kDocumentTable = R"(
  CREATE TABLE document (
    id uuid PRIMARY KEY,
    district text NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    status text NOT NULL,
    amount numeric(12, 2) NOT NULL,
    tags jsonb NOT NULL,
    updated_at timestamptz NOT NULL))";

void prepare_to_write(Sql& district) {
  // The same words and phrases in every run; no phrase is long enough to make one document like another.
  district.exec(R"(
    SELECT setseed(0.5);
    CREATE TABLE word AS
      SELECT n, substr(translate(md5(n::text), '0123456789', 'ghiklmnors'), 1, 3 + n % 7) AS word
      FROM generate_series(0, 1499) n;
    CREATE TABLE phrase AS
      SELECT p AS n, string_agg(word, ' ') AS text
      FROM (SELECT p, floor(1500 * random() * random())::int AS picked
            FROM generate_series(0, 19999) p, generate_series(1, 9)) picks
        JOIN word ON word.n = picked
      GROUP BY p;
    ANALYZE phrase;
  )");
}

void write_documents(Sql& district, int rows, const std::string& last_id) {
  constexpr int kPerTransaction = 1000;
  for (int written = 0; written < rows;) {
    const int count = std::min(kPerTransaction, rows - written);
    written += count;
    const bool is_last = written == rows;
    district.exec(
        R"(INSERT INTO document
           SELECT CASE WHEN number = $2::bigint AND $4::bool THEN $3::uuid ELSE gen_random_uuid() END, 'district-a',
                  'Report ' || number || ' on ' || split_part(first.text, ' ', 2), first.text || ' ' || second.text,
                  'approved', (random() * 100000)::numeric(12, 2),
                  jsonb_build_object('year', 2000 + number % 26, 'kind', 'report'), now()
           FROM generate_series($1::bigint, $2::bigint) number
             JOIN phrase first ON first.n = number * 7919 % 20000
             JOIN phrase second ON second.n = number * 104729 % 19997)",
        {std::to_string(written - count + 1), std::to_string(written), last_id, is_last ? "true" : "false"});
  }
}

bool has_document(Sql& database, const std::string& id) {
  return database.number("SELECT count(*) FROM document WHERE id = $1::uuid", {id}) == 1;
}

int average_row_bytes(Sql& database) {
  return static_cast<int>(database.number("SELECT avg(pg_column_size(d.*))::int FROM document d"));
}

std::string digest(Sql& database) {
  return database.value(
      "SELECT count(*) || ' rows ' || md5(coalesce(string_agg(md5(d::text), '' ORDER BY id), '')) FROM document d"
      " WHERE status = 'approved'");
}

}  // namespace tributary::test
