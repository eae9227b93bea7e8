#include "bench/vocabulary.h"

namespace tributary::test {

void make_vocabulary(Sql& district) {
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

void make_long_texts(Sql& district, int count, int bytes) {
  constexpr int kWordBytes = 7;  // with the space behind it
  district.exec(
      R"(CREATE TABLE IF NOT EXISTS long_text AS
           SELECT t AS n, string_agg(word, ' ') AS text
           FROM (SELECT t, floor(1500 * random() * random())::int AS picked
                 FROM generate_series(0, $1::int - 1) t, generate_series(1, $2::int)) picks
             JOIN word ON word.n = picked
           GROUP BY 1)",
      {std::to_string(count), std::to_string(bytes / kWordBytes)});
}

}  // namespace tributary::test
