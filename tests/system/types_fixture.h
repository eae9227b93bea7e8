// Types that applications use, each with values that are easy to get wrong.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace tributary::test {

struct ValueType {
  std::string name;
  std::vector<std::string> values;  // SQL expressions, cast to the type
};

inline std::vector<ValueType> value_types() {
  const std::string all_bytes =
      "(SELECT decode(string_agg(lpad(to_hex(n), 2, '0'), ''), 'hex') FROM generate_series(0, 255) n)";
  return {
      {"smallint", {"'-32768'", "'32767'", "'0'"}},
      {"integer", {"'-2147483648'", "'2147483647'"}},
      {"bigint", {"'-9223372036854775808'", "'9223372036854775807'"}},
      {"numeric", {"'NaN'", "'Infinity'", "'-Infinity'", "'1.50'", "'1.500'", "'-0.000'", "'1e-300'", "'1e300'"}},
      {"numeric(12,3)", {"'NaN'", "'-999999999.999'", "'0.001'", "'7'"}},
      {"real", {"'3.4028235e38'", "'1e-45'", "'NaN'", "'-Infinity'", "'-0'", "'0.1'", "'16777217'"}},
      {"double precision",
       {"'1.7976931348623157e308'", "'5e-324'", "'NaN'", "'Infinity'", "'-0'", "0.1::float8 + 0.2::float8", "'1e23'"}},
      {"boolean", {"'true'", "'false'"}},
      {"text",
       {"''", "' '", "'NULL'", "'\\N'", "'{}'", "E'tab\\t line\\n return\\r bell\\x07'", "'it''s \"quoted\" \\ back'",
        "'Größe, naïve, €, Ελληνικά, 日本語, 🏛️, \u202Eedis'", "'{\"a\",NULL}'", "'0x0'",
        "'$tributary$'", "'--'"}},
      {"varchar(12)", {"''", "'  blanks  '", "'äöüßÄÖÜ€日本語🏛'", "'NULL'"}},
      {"varchar", {"''", "repeat('x', 1000)"}},
      {"char(6)", {"''", "'ab'", "'  x'", "'日本'"}},
      {"\"char\"", {"'a'", "''", "'\\351'", "' '"}},
      {"name", {"''", "'Größe'", "repeat('n', 63)"}},
      {"bytea", {"''", all_bytes, "'\\x00'", "'\\x5c78'"}},
      {"uuid", {"'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"}},
      {"json", {"'{ \"b\" : 1,  \"a\":2, \"b\":3 }'", "'null'", "'\"\\u00e9\\u20ac\"'", "' [1.00, 1e2]'"}},
      {"jsonb", {"'{\"b\": 1, \"a\": {\"c\": [null, true, 1.00, \"€ \\\" \\\\\"]}}'", "'null'", "'\"\"'", "'{}'"}},
      {"jsonpath", {"'$.a[*] ? (@ > 1)'", "'strict $'"}},
      {"xml", {"'<a b=\"1\">Grüße &amp; <!-- x --></a>'", "'text only'", "''", "'<a/><b/>'"}},
      {"inet", {"'192.168.0.1'", "'10.1.2.3/8'", "'::1'", "'2001:db8::/32'"}},
      {"cidr", {"'10.0.0.0/8'", "'2001:db8::/32'", "'0.0.0.0/0'"}},
      {"macaddr", {"'08:00:2b:01:02:03'", "'ff:ff:ff:ff:ff:ff'"}},
      {"macaddr8", {"'08:00:2b:01:02:03:04:05'"}},
      {"money", {"'-92233720368547758.08'", "'92233720368547758.07'", "'0.01'"}},
      {"interval",
       {"'-1 year -2 mons +3 days -04:05:06.000007'", "'1 mon -30 days'", "'178000000 years'", "'-178000000 years'",
        "'00:00:00'", "'1 day'", "'24:00:00'", "'P1Y2M3DT4H5M6S'", "'2562047788:00:54.775807'", "'-00:00:00.000001'"}},
      {"interval day to second(3)", {"'1 day 02:03:04.567'"}},
      {"date", {"'4713-01-01 BC'", "'5874897-12-31'", "'infinity'", "'-infinity'", "'0001-12-31 BC'", "'2024-02-29'"}},
      {"time", {"'00:00:00'", "'24:00:00'", "'23:59:59.999999'"}},
      {"time(2)", {"'12:34:56.78'"}},
      {"timetz", {"'12:00:00+15:59'", "'24:00:00-15:59'", "'01:02:03.000004+05:45:30'"}},
      {"timestamp",
       {"'4713-01-01 00:00:00 BC'", "'294276-12-31 23:59:59.999999'", "'infinity'", "'-infinity'",
        "'2000-01-01 00:00:00.000001'", "'0001-01-01'"}},
      {"timestamptz",
       {"'4713-01-01 00:00:00+00 BC'", "'294276-12-31 23:59:59.999999+00'", "'infinity'", "'-infinity'",
        "'2024-10-27 02:30:00+01'", "'1890-01-01 00:00:00 Europe/Amsterdam'"}},
      {"timestamptz(0)", {"'2024-10-27 02:30:00+01'"}},
      {"bit(5)", {"B'00000'", "B'10101'"}},
      {"bit", {"B'1'"}},
      {"bit varying(20)", {"B''", "B'1'", "B'10101010101010101010'"}},
      {"varbit", {"B'0101'"}},
      {"point", {"'(0.1,-1e300)'", "'(NaN,Infinity)'"}},
      {"line", {"'{1,2,3}'"}},
      {"lseg", {"'[(0,0),(1,1)]'"}},
      {"box", {"'(1,1),(0,0)'"}},
      {"path", {"'((0,0),(1,1))'", "'[(0,0),(1,1)]'"}},
      {"polygon", {"'((0,0),(1,1),(2,0))'"}},
      {"circle", {"'<(0,0),0.30000000000000004>'"}},
      {"tsvector", {"'''a b'':1A,2 c'", "''", "'''it''''s'''"}},
      {"tsquery", {"'fat & (rat | !cat) <-> ''a b'':*'", "''"}},
      {"int4range", {"'empty'", "'[1,5)'", "'(,)'", "'[1,)'"}},
      {"int8range", {"'[-9223372036854775808,9223372036854775806]'"}},
      {"numrange", {"'(1.50,NaN]'", "'[0.1,0.10]'"}},
      {"daterange", {"'[4713-01-01 BC,infinity]'", "'(,2024-01-01)'"}},
      {"tsrange", {"'[\"2024-01-01 00:00:00\",infinity)'"}},
      {"tstzrange", {"'[\"2024-01-01 00:00:00+05\",)'"}},
      {"int4multirange", {"'{}'", "'{[1,3),[5,8)}'", "'{(,)}'"}},
      {"tstzmultirange", {"'{[\"2024-01-01 00:00:00+05\",\"2024-01-02 00:00:00+05\"),[\"2025-01-01 00:00:00Z\",)}'"}},
      {"pg_lsn", {"'FFFFFFFF/FFFFFFFF'", "'0/0'"}},
      {"oid", {"'4294967295'", "'0'"}},
      {"regclass", {"'pg_catalog.pg_class'"}},
      {"regtype", {"'integer'", "'public.approval'"}},
      {"xid8", {"'18446744073709551615'"}},
      {"pg_snapshot", {"'10:20:10,14,15'"}},
      {"approval", {"'draft'", "'approved, all of it'", "'with \"quotes\" and {braces}'", "'für später'"}},
      {"\"Other types\".\"Zu.Stand\"", {"'Größer'", "'a b'"}},
      {"positive", {"'0.01'", "'99999999.99'"}},
      {"short_word", {"''", "'wörter'"}},
      {"word_list", {"'{}'", "'{a,NULL,\"b c\"}'"}},
      {"address",
       {"ROW('Main \"St\", (old) \\', NULL, '', '2024-01-01', ARRAY['a', NULL, 'b,c'], 'draft', NULL)",
        "ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        "ROW('', 7, 'Ö', 'infinity', '{}', 'für später', ROW(0.5, 'NaN'))"}},
      {"floatrange", {"'[0.1,0.30000000000000004)'", "'empty'"}},
      {"floatmultirange", {"'{[0.1,0.2),[NaN,NaN]}'"}},
      {"hstore", {"'a=>1, \"b c\"=>NULL, \"q\\\"\"=>\"\\\\ ,\"'", "''"}},
      {"citext", {"'MiXed'", "''"}},
      {"ltree", {"'Top.Science.Astronomy'", "''"}},
  };
}

// Tables of which the key `k` has this type.
struct KeyType {
  std::string table;
  std::string type;
  std::vector<std::string> values;
};

inline std::vector<KeyType> key_types() {
  return {
      {"key_text", "text", {"''", "' '", "'Größe'", "E'a\\nb'"}},
      {"key_char", "char(5)", {"''", "'ab'", "' ab'"}},
      {"key_letter", "\"char\"", {"'a'", "'\\351'"}},
      {"key_numeric", "numeric", {"'NaN'", "1.50", "'Infinity'", "-0.001"}},
      {"key_double", "double precision", {"'NaN'", "'1e-300'", "'-0'", "0.1::float8 + 0.2"}},
      {"key_bytea", "bytea", {"''", "'\\x00ff'"}},
      {"key_boolean", "boolean", {"true", "false"}},
      {"key_date", "date", {"'4713-01-01 BC'", "'infinity'", "'2024-01-01'"}},
      {"key_time", "timestamptz", {"'-infinity'", "'2024-01-01 00:00:00.000001Z'", "'294276-12-31 00:00Z'"}},
      {"key_interval", "interval", {"'1 day'", "'-1 mon'", "'1 year 00:00:00.000001'"}},
      {"key_inet", "inet", {"'10.0.0.1/8'", "'::1'"}},
      {"key_money", "money", {"'-1.23'", "'1234567.89'"}},
      {"key_bits", "varbit", {"B''", "B'010'"}},
      {"key_range", "tstzrange", {"'empty'", "'[\"2024-01-01 00:00Z\",)'"}},
      {"key_array", "text[]", {"'{}'", "'{a,NULL,\"b,c\"}'"}},
      {"key_jsonb", "jsonb", {"'{}'", "'{\"a\": 1.0}'"}},
      {"key_enum", "approval", {"'draft'", "'für später'"}},
      {"key_domain", "short_word", {"'ä'", "'b'"}},
      {"key_composite", "pair", {"ROW('NaN', 1.0)", "ROW(0, NULL)"}},
      {"key_citext", "citext", {"'MiXed'", "''"}},
      {"key_hstore", "hstore", {"'a=>1'", "'a=>NULL'"}},
  };
}

inline std::string types_schema() {
  std::string sql = R"(
    CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;
    CREATE SCHEMA "Other types";
    CREATE TYPE approval AS ENUM ('draft', 'approved, all of it', 'with "quotes" and {braces}', 'für später');
    CREATE TYPE "Other types"."Zu.Stand" AS ENUM ('Größer', 'a b');
    CREATE DOMAIN positive AS numeric(10,2) CHECK (value > 0);
    CREATE DOMAIN word AS varchar(10);
    CREATE DOMAIN short_word AS word CHECK (length(value) < 8);
    CREATE DOMAIN word_list AS text[] CHECK (array_length(value, 1) IS DISTINCT FROM 7);
    CREATE TYPE pair AS (a double precision, b numeric);
    CREATE TYPE address AS (street text, number int, "Ort" short_word, since date, parts text[], state approval, p pair);
    CREATE TYPE floatrange AS RANGE (subtype = float8);
  )";
  for (const std::string table : {"every_type", "every_array"}) {
    sql += "CREATE TABLE " + table + " (id int PRIMARY KEY, large text";
    int number = 0;
    for (const ValueType& type : value_types())
      sql += ", c" + std::to_string(++number) + " " + type.name + (table == "every_array" ? "[]" : "");
    sql += "); ALTER TABLE " + table + " ALTER large SET STORAGE EXTERNAL;\n";
  }
  for (const KeyType& key : key_types())
    sql += "CREATE TABLE " + key.table + " (k " + key.type + " PRIMARY KEY, note text);\n";
  sql += R"(
    CREATE TABLE large (id int PRIMARY KEY, is_approved boolean NOT NULL DEFAULT false, c_text text, c_varchar varchar,
      c_char char(9000), c_bytea bytea, c_json json, c_jsonb jsonb, c_xml xml, c_numeric numeric, c_varbit varbit,
      c_texts text[], c_times timestamptz[], c_floats double precision[], c_money money[], c_vector tsvector,
      c_path path, c_polygon polygon, c_multi int4multirange, c_address address, c_addresses address[],
      c_words word_list, c_enums approval[], c_hstore hstore, c_citext citext, c_intervals interval[], c_bytes bytea[],
      c_pairs pair[], c_inets inet[]);
  )";
  return sql;
}

// The i-th row has the i-th value of every type, and NULL where there are no more; the last one is all NULL.
inline std::vector<std::string> rows_of_every_type() {
  size_t rows = 0;
  for (const ValueType& type : value_types()) rows = std::max(rows, type.values.size());
  std::vector<std::string> inserts;
  for (size_t row = 0; row <= rows; ++row) {
    std::string sql = "INSERT INTO every_type VALUES (" + std::to_string(row + 1) + ", repeat('large', 1600)";
    for (const ValueType& type : value_types())
      sql += ", " + (row < type.values.size() ? "(" + type.values[row] + ")::" + type.name : std::string("NULL"));
    inserts.push_back(sql + ")");
  }
  for (int row = 1; row <= 4; ++row) {
    std::string sql = "INSERT INTO every_array VALUES (" + std::to_string(row) + ", repeat('large', 1600)";
    for (const ValueType& type : value_types()) {
      if (type.name == "word_list") {  // ARRAY[...] takes a domain over an array for the array itself
        sql += R"(, '{"{}",NULL,"{a,NULL,\"b c\"}"}')";
        continue;
      }
      std::string list;
      for (const std::string& value : type.values) list += "(" + value + ")::" + type.name + ", ";
      if (row == 1) sql += ", ARRAY[" + list + "NULL]";
      if (row == 2) sql += ", ARRAY[ARRAY[" + list + "NULL], ARRAY[" + list + "NULL]]::" + type.name + "[]";
      if (row == 3) sql += ", '{}'";
      if (row == 4) sql += ", array_fill((" + type.values[0] + ")::" + type.name + ", ARRAY[2, 1], ARRAY[-3, 5])";
    }
    inserts.push_back(sql + ")");
  }
  return inserts;
}

inline std::string row_of_large_values() {
  return R"(
    WITH n AS (SELECT array_agg(md5(n::text)) AS words, string_agg(md5(n::text), '') AS text,
                      string_agg(md5(n::text), ' ') AS spaced FROM generate_series(1, 400) n)
    INSERT INTO large (id, c_text, c_varchar, c_char, c_bytea, c_json, c_jsonb, c_xml, c_numeric, c_varbit, c_texts,
      c_times, c_floats, c_money, c_vector, c_path, c_polygon, c_multi, c_address, c_addresses, c_words, c_enums,
      c_hstore, c_citext, c_intervals, c_bytes, c_pairs, c_inets)
    SELECT 1, text, text, substr(text, 1, 8000) || '€', decode(text, 'hex'), to_json(words), to_jsonb(words),
      ('<?xml version="1.0"?><a>' || text || '</a>')::xml, ('1' || translate(text, 'abcdef', '123456') || '.500')::numeric,
      (SELECT string_agg((get_byte(decode(text, 'hex'), i)::bit(8))::text, '') FROM generate_series(0, 6000) i)::varbit,
      words || NULL::text,
      (SELECT array_agg(timestamptz '1890-01-01 00:00 Europe/Amsterdam' + i * interval '77777.123457 s')
       FROM generate_series(1, 2000) i),
      (SELECT array_agg(sqrt(i) * 1e-200) FROM generate_series(1, 2000) i) || 'NaN'::float8,
      (SELECT array_agg((i * 123.45)::numeric::money) FROM generate_series(1, 2000) i), spaced::tsvector,
      (SELECT ('[' || string_agg('(' || sqrt(i) || ',' || -sqrt(i) || ')', ',') || ']')::path
       FROM generate_series(1, 1000) i),
      (SELECT ('(' || string_agg('(' || sqrt(i) || ',' || -sqrt(i) || ')', ',') || ')')::polygon
       FROM generate_series(1, 1000) i),
      (SELECT range_agg(int4range(i * i * 10, i * i * 10 + i)) FROM generate_series(1, 2000) i),
      ROW(text, 1, 'Ö'::short_word, date 'infinity', words, approval 'draft', ROW('NaN', 1.50)::pair)::address,
      ARRAY[ROW(text, 1, NULL, date '4713-01-01 BC', words, approval 'für später', ROW(0.1, 1.50)::pair)::address, NULL],
      words, array_fill('with "quotes" and {braces}'::approval, ARRAY[3000]),
      (SELECT hstore(array_agg(w), array_agg(w || '"')) FROM unnest(words) w), upper(text),
      (SELECT array_agg(i * interval '1 mon -1 day 0.000001 s') FROM generate_series(1, 2000) i),
      (SELECT array_agg(decode(w, 'hex')) FROM unnest(words) w),
      (SELECT array_agg(ROW(sqrt(i), 1.50)::pair) FROM generate_series(1, 2000) i),
      (SELECT array_agg(inet '10.0.0.0/8' + i * i) FROM generate_series(1, 2000) i)
    FROM n)";
}

}  // namespace tributary::test
