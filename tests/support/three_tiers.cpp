#include "support/three_tiers.h"

#include <algorithm>

namespace tributary::test {

ThreeTiers::ThreeTiers(const ClusterOptions& servers) {
  add({.name = "nation", .cluster = servers});
  add({.name = "region", .parent = "nation", .tables = tables(), .cluster = servers});
  add({.name = "district", .parent = "region", .tables = tables(), .cluster = servers});
  exec_everywhere(schema());
}

const char* ThreeTiers::schema() {
  return R"(
    CREATE TABLE document (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      title text NOT NULL,
      body text,
      status text NOT NULL DEFAULT 'draft');
    CREATE TABLE photo (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      document_id uuid NOT NULL REFERENCES document,
      image bytea,
      status text NOT NULL DEFAULT 'draft');
    CREATE TABLE measurement (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      document_id uuid NOT NULL REFERENCES document,
      taken_at timestamptz NOT NULL DEFAULT now(),
      value numeric,
      status text NOT NULL DEFAULT 'draft');
    CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql VOLATILE AS $$
      SELECT substr(string_agg(md5(random()::text), ''), 1, bytes) FROM generate_series(0, bytes / 32)
    $$;
  )";
}

std::vector<SentTable> ThreeTiers::tables() {
  std::vector<SentTable> tables;
  for (const char* name : {"public.document", "public.photo", "public.measurement"}) {
    tables.push_back({.name = name, .where = "status = 'approved'"});
  }
  return tables;
}

void ThreeTiers::write_documents(int count, const std::string& status, int body_bytes, int per_transaction) {
  const std::string write = R"(
    WITH written AS (
      INSERT INTO document (title, body, status)
      SELECT 'Document ' || n, noise($1::int + n * 0), $2 FROM generate_series(1, $3::int) n RETURNING id),
    photographed AS (
      INSERT INTO photo (document_id, image, status)
      SELECT id, decode(noise(2400), 'hex'), $2 FROM written)
    INSERT INTO measurement (document_id, value, status)
    SELECT id, (random() * 1000)::numeric(10, 3), $2 FROM written, generate_series(1, 2))";
  for (int written = 0; written < count; written += per_transaction) {
    district().sql().exec(
        write, {std::to_string(body_bytes), status, std::to_string(std::min(per_transaction, count - written))});
  }
}

}  // namespace tributary::test
