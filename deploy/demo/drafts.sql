-- 600 documents, each with one photo and three measurements: 3,000 rows, all drafts. Bodies (3 kB) and photos (6 kB) do
-- not compress, so PostgreSQL stores them out of line, as it does with real ones.
CREATE FUNCTION pg_temp.noise(bytes int, seed int) RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT left(string_agg(md5(seed || random()::text), ''), bytes) FROM generate_series(0, bytes / 32)
$$;

INSERT INTO document (number, title, body)
SELECT n, (ARRAY['Inspection', 'Report', 'Permit', 'Survey', 'Complaint'])[n % 5 + 1] || ' no. ' || n,
       'Findings of document ' || n || ': ' || pg_temp.noise(3000, n)
FROM generate_series(1, 600) n;

INSERT INTO photo (document_id, caption, image, status)
SELECT id, 'Photo of ' || title, decode(pg_temp.noise(12000, number), 'hex'), status FROM document;

INSERT INTO measurement (document_id, taken_at, quantity, value, status)
SELECT id, now() - random() * interval '90 days', quantity, (random() * 100)::numeric(9, 3), status
FROM document, unnest(ARRAY['noise, dB', 'dust, µg/m³', 'flow, m³/s']) quantity;
