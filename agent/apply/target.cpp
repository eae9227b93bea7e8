#include "apply/target.h"

namespace tributary {
namespace {

// A partitioned table has no storage: its own persistence says nothing, and SET LOGGED does not change it.
constexpr char kColumnsSql[] = R"(
WITH c AS MATERIALIZED (
  SELECT c.oid, c.relkind, (
    SELECT format('%I.%I', n.nspname, r.relname)
    FROM (SELECT c.oid AS relid UNION SELECT relid FROM pg_partition_tree(c.oid)) tree
    JOIN pg_class r ON r.oid = tree.relid
    JOIN pg_namespace n ON n.oid = r.relnamespace
    WHERE r.relkind <> 'p' AND r.relpersistence <> 'p'
    ORDER BY 1 LIMIT 1) AS unlogged
  FROM pg_class c
  JOIN pg_namespace cn ON cn.oid = c.relnamespace
  WHERE cn.nspname = $1 AND c.relname = $2)
SELECT c.relkind IN ('r', 'p'), a.attname, tn.nspname, t.typname, t.oid, bn.nspname, b.typname, b.oid,
       CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE b.modifier END, a.attnotnull,
       a.atthasdef OR a.attidentity <> '', a.attgenerated <> '', a.attidentity = 'a',
       c.relkind = 'p', coalesce(c.unlogged, ''),
       coalesce((SELECT collisdeterministic FROM pg_collation WHERE oid = a.attcollation), true)
FROM c
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN LATERAL (
  WITH RECURSIVE chain AS (
    SELECT t.oid, t.typname, t.typnamespace, t.typtype, t.typbasetype, t.typtypmod, -1 AS modifier
    UNION ALL
    SELECT d.oid, d.typname, d.typnamespace, d.typtype, d.typbasetype, d.typtypmod,
           CASE WHEN chain.modifier >= 0 THEN chain.modifier ELSE chain.typtypmod END
    FROM chain JOIN pg_type d ON d.oid = chain.typbasetype WHERE chain.typtype = 'd')
  SELECT * FROM chain WHERE typtype <> 'd') b ON true
LEFT JOIN pg_namespace bn ON bn.oid = b.typnamespace
ORDER BY a.attnum)";

constexpr char kKeysSql[] = R"(
SELECT i.indexrelid, a.attname, opn.nspname, op.oprname
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace cn ON cn.oid = c.relnamespace
CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[]) WITH ORDINALITY AS k(attnum, opclass, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
JOIN pg_opclass oc ON oc.oid = k.opclass
JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amoplefttype = oc.opcintype
               AND ao.amoprighttype = oc.opcintype AND ao.amopstrategy = 3
JOIN pg_operator op ON op.oid = ao.amopopr
JOIN pg_namespace opn ON opn.oid = op.oprnamespace
WHERE cn.nspname = $1 AND c.relname = $2
  AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND k.place <= i.indnkeyatts
ORDER BY i.indexrelid, k.place)";

constexpr char kChildTypesSql[] = R"(
SELECT format_type(u.type, u.modifier)
FROM unnest($1::oid[], $2::int4[]) WITH ORDINALITY AS u(type, modifier, place) ORDER BY u.place)";

constexpr uint32_t kFirstUserOid = 16384;

std::string quote_type(const std::string& dotted) {
  const size_t dot = dotted.find('.');
  if (dot == std::string::npos || dot == 0) return quote_name(dot == 0 ? dotted.substr(1) : dotted);
  return quote_name(dotted.substr(0, dot), dotted.substr(dot + 1));
}

}  // namespace

Task<Target> read_target(Connection& connection, const Relation& relation) {
  Target target;
  target.is_utf8 = connection.parameter("server_encoding") == "UTF8";
  std::vector<std::optional<std::string>> names;
  names.emplace_back(relation.schema);
  names.emplace_back(relation.name);

  const Result columns = co_await connection.execute(kColumnsSql, names);
  for (int row = 0; row < columns.rows(); ++row) {
    target.exists = true;
    target.is_table = columns.boolean(row, 0);
    target.is_partitioned = columns.boolean(row, 13);
    target.unlogged = columns.text(row, 14);
    if (columns.is_null(row, 1)) continue;
    TargetColumn column;
    column.name = columns.text(row, 1);
    column.type_schema = columns.text(row, 2);
    column.type_name = columns.text(row, 3);
    column.type_oid = static_cast<uint32_t>(columns.integer(row, 4));
    column.base_schema = columns.text(row, 5);
    column.base_name = columns.text(row, 6);
    column.base_oid = static_cast<uint32_t>(columns.integer(row, 7));
    column.type_modifier = static_cast<int32_t>(columns.integer(row, 8));
    column.is_not_null = columns.boolean(row, 9);
    column.has_default = columns.boolean(row, 10);
    column.is_generated = columns.boolean(row, 11);
    column.is_identity_always = columns.boolean(row, 12);
    column.is_collation_deterministic = columns.boolean(row, 15);
    target.columns.push_back(std::move(column));
  }

  const Result keys = co_await connection.execute(kKeysSql, names);
  std::string_view index;
  for (int row = 0; row < keys.rows(); ++row) {
    if (target.keys.empty() || keys.value(row, 0) != index) target.keys.emplace_back();
    index = keys.value(row, 0);
    std::string equals(keys.value(row, 3));
    if (keys.value(row, 2) != "pg_catalog") equals = "OPERATOR(" + quote_name(keys.value(row, 2)) + "." + equals + ")";
    target.keys.back().parts.push_back({keys.text(row, 1), std::move(equals)});
  }

  std::string oids = "{", modifiers = "{";
  for (const Column& column : relation.columns) {
    if (oids.size() > 1) oids += ',', modifiers += ',';
    oids += std::to_string(column.type_oid);
    modifiers += std::to_string(column.type_modifier);
  }
  std::vector<std::optional<std::string>> type_params;
  type_params.emplace_back(oids + "}");
  type_params.emplace_back(modifiers + "}");
  const Result types = co_await connection.execute(kChildTypesSql, std::move(type_params));
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    const Column& column = relation.columns[i];
    target.child_types.push_back(column.type_oid >= kFirstUserOid && !column.type_name.empty()
                                     ? quote_type(column.type_name)
                                     : types.text(static_cast<int>(i), 0));
  }
  co_return target;
}

}  // namespace tributary
