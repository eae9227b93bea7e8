#include "source/parent_schema.h"

#include <algorithm>
#include <set>

namespace tributary {
namespace {

// The columns that are sent; generated ones never are.
constexpr char kColumns[] = R"(
SELECT c.oid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity <> '', a.atttypid,
  CASE WHEN a.attcollation <> t.typcollation THEN
    (SELECT format('%I.%I', n.nspname, co.collname) FROM pg_collation co JOIN pg_namespace n ON n.oid = co.collnamespace
     WHERE co.oid = a.attcollation AND n.nspname = 'pg_catalog') END,
  coalesce(array_position((k.indkey::int2[])[0:k.indnkeyatts - 1], a.attnum), 0), a.attgenerated <> ''
FROM pg_class c JOIN pg_namespace cn ON cn.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_index k ON k.indrelid = c.oid AND k.indisprimary
WHERE cn.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') ORDER BY a.attnum)";

// Users' types that the columns' types are made of, those first that others need. What an extension brings is not
// looked into.
constexpr char kTypes[] = R"(
WITH RECURSIVE parts AS (
  SELECT unnest($1::oid[]) AS type, 0 AS depth
  UNION
  SELECT p.part, u.depth + 1 FROM parts u JOIN pg_type t ON t.oid = u.type
  CROSS JOIN LATERAL (
    SELECT t.typelem AS part WHERE t.typelem <> 0 AND t.typlen = -1
    UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'
    UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid
    UNION ALL SELECT r.rngtypid FROM pg_range r WHERE r.rngmultitypid = t.oid
    UNION ALL SELECT a.atttypid FROM pg_attribute a
      WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) p
  WHERE t.oid >= 16384
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')),
used AS (SELECT type, max(depth) AS depth FROM parts WHERE type >= 16384 GROUP BY type)
SELECT n.nspname, t.typname, t.typtype,
  (SELECT x.extname FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
   WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'),
  (SELECT xn.nspname FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
   JOIN pg_namespace xn ON xn.oid = x.extnamespace
   WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'),
  CASE t.typtype
    WHEN 'e' THEN (SELECT 'AS ENUM (' || string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) || ')'
                   FROM pg_enum e WHERE e.enumtypid = t.oid)
    WHEN 'd' THEN 'AS ' || format_type(t.typbasetype, t.typtypmod) || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END ||
      coalesce((SELECT string_agg(' CONSTRAINT ' || quote_ident(o.conname) || ' ' || pg_get_constraintdef(o.oid), ''
                                  ORDER BY o.conname)
                FROM pg_constraint o WHERE o.contypid = t.oid AND o.contype = 'c' AND o.convalidated
                  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_constraint'::regclass
                    AND d.objid = o.oid AND d.refclassid = 'pg_proc'::regclass AND d.refobjid >= 16384)), '')
    WHEN 'c' THEN (SELECT 'AS (' || string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', '
                                               ORDER BY a.attnum) || ')'
                   FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
    WHEN 'r' THEN (SELECT 'AS RANGE (SUBTYPE = ' || format_type(r.rngsubtype, NULL) || ')'
                   FROM pg_range r WHERE r.rngtypid = t.oid)
  END
FROM used u JOIN pg_type t ON t.oid = u.type JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype <> 'm' AND NOT (t.typelem <> 0 AND t.typlen = -1 AND t.typtype = 'b' AND t.typcategory = 'A')
ORDER BY u.depth DESC, n.nspname, t.typname)";

struct Script {
  std::set<std::string> type_oids;
  std::set<std::string> schemas;
  std::string tables;
};

void add_schema(const std::string& schema, Script& script) {
  if (schema != "public" && !schema.starts_with("pg_")) script.schemas.insert(schema);
}

Task<> add_table(Connection& connection, const TableConfig& table, Script& script) {
  const Result rows = co_await connection.execute(kColumns, {table.schema, table.name});
  if (rows.rows() == 0)
    throw Error(ErrorKind::setup, "there is no table " + table.full_name(),
                "make the table, or correct its name in the configuration");
  add_schema(table.schema, script);
  std::vector<std::string> missing = table.columns;
  std::vector<std::pair<int64_t, std::string>> key;
  std::string columns;
  for (int i = 0; i < rows.rows(); ++i) {
    const std::string name = rows.text(i, 1);
    const bool is_listed = table.columns.empty() || std::erase(missing, name) > 0;
    if (!is_listed || rows.boolean(i, 8)) continue;
    columns += (columns.empty() ? "\n  " : ",\n  ") + quote_name(name) + " " + rows.text(i, 2);
    if (!rows.is_null(i, 6)) columns += " COLLATE " + rows.text(i, 6);
    if (rows.boolean(i, 4)) columns += " GENERATED BY DEFAULT AS IDENTITY";
    if (rows.boolean(i, 3)) columns += " NOT NULL";
    if (rows.integer(i, 7) > 0) key.emplace_back(rows.integer(i, 7), quote_name(name));
    script.type_oids.insert(rows.text(i, 5));
  }
  if (!missing.empty())
    throw Error(ErrorKind::setup, "table " + table.full_name() + " has no column " + missing.front(),
                "correct `columns` of this table in the configuration");
  std::sort(key.begin(), key.end());
  std::string key_columns;
  for (const auto& [position, name] : key) key_columns += (key_columns.empty() ? "" : ", ") + name;
  if (!key_columns.empty()) columns += ",\n  PRIMARY KEY (" + key_columns + ")";
  script.tables += "CREATE TABLE IF NOT EXISTS " + quote_name(table.schema, table.name) + " (" + columns + "\n);\n\n";
}

// CREATE TYPE knows no IF NOT EXISTS.
std::string unless_there(const std::string& statement) {
  return "DO $tributary$ BEGIN\n  " + statement + ";\nEXCEPTION WHEN duplicate_object THEN NULL; END $tributary$;\n\n";
}

}  // namespace

Task<std::string> parent_schema(Connection& connection, const Config& config) {
  Script script;
  for (const TableConfig& table : config.tables) co_await add_table(connection, table, script);
  std::string oids = "{";
  for (const std::string& oid : script.type_oids) oids += (oids.size() == 1 ? "" : ",") + oid;
  oids += "}";
  const Result types = co_await connection.execute(kTypes, {oids});
  std::set<std::string> extensions;
  std::string made;
  for (int i = 0; i < types.rows(); ++i) {
    const std::string name = quote_name(types.text(i, 0), types.text(i, 1));
    if (!types.is_null(i, 3)) {
      add_schema(types.text(i, 4), script);
      extensions.insert("CREATE EXTENSION IF NOT EXISTS " + quote_name(types.text(i, 3)) + " WITH SCHEMA " +
                        quote_name(types.text(i, 4)) + ";\n\n");
      continue;
    }
    add_schema(types.text(i, 0), script);
    if (types.is_null(i, 5))
      made += "-- The type " + name + " is of a kind that must be made by hand, as at " + config.node.name + ".\n\n";
    else
      made +=
          unless_there((types.value(i, 2) == "d" ? "CREATE DOMAIN " : "CREATE TYPE ") + name + " " + types.text(i, 5));
  }
  std::string text = "-- The tables that " + config.node.name + " sends to " +
                     (config.parent ? config.parent->name : "its parent") +
                     ", for psql in the parent's database; then run `tributary init` there.\n\\set ON_ERROR_STOP on\n"
                     "SET search_path = '';\n\n";
  for (const std::string& schema : script.schemas)
    text += "CREATE SCHEMA IF NOT EXISTS " + quote_name(schema) + ";\n\n";
  for (const std::string& extension : extensions) text += extension;
  co_return text + made + script.tables;
}

}  // namespace tributary
