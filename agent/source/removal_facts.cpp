#include <algorithm>

#include "source/completion.h"
#include "source/removal.h"

namespace tributary {
namespace {

constexpr char kQuoted[] = "'\"' || replace(%, '\"', '\"\"') || '\"'";

// A name as quote_name quotes it, so that it can be compared with what was recorded.
std::string quoted(const std::string& column) {
  std::string text = kQuoted;
  return text.replace(text.find('%'), 1, column);
}

std::string quoted(const std::string& schema, const std::string& name) {
  return quoted(schema) + " || '.' || " + quoted(name);
}

// How a table's identity is now, and whether the index that it uses is recorded as init's.
std::string identities_query() {
  return "WITH ours AS (SELECT object FROM tributary.undo WHERE kind = 'index' UNION SELECT " +
         quoted("p.table_schema", "p.identity_index") +
         " FROM tributary.published p WHERE identity_index IS NOT NULL AND identity = 'index'),"
         " live AS (SELECT c.oid, " +
         quoted("n.nspname", "c.relname") +
         " AS name, c.relreplident, x.indexrelid, ic.relname AS index_name,"
         " EXISTS (SELECT FROM ours o WHERE o.object = ANY (SELECT " +
         quoted("an.nspname", "ac.relname") +
         "   FROM (SELECT relid::oid FROM pg_partition_ancestors(x.indexrelid) UNION SELECT x.indexrelid) a"
         "   JOIN pg_class ac ON ac.oid = a.relid JOIN pg_namespace an ON an.oid = ac.relnamespace)) AS is_ours"
         " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
         " LEFT JOIN pg_index x ON x.indrelid = c.oid AND x.indisreplident AND c.relreplident = 'i'"
         " LEFT JOIN pg_class ic ON ic.oid = x.indexrelid WHERE c.relkind IN ('r', 'p'))"
         " SELECT name, CASE relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'd' THEN 'DEFAULT'"
         "   ELSE coalesce('USING INDEX ' || " +
         quoted("index_name") +
         ", 'NOTHING') END, is_ours,"
         " (SELECT string_agg(i.relname, E'\\x1f') FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
         "  WHERE x.indrelid = live.oid AND x.indisunique AND x.indimmediate AND x.indisvalid)"
         " FROM live WHERE is_ours OR name IN (SELECT object FROM tributary.undo WHERE kind = 'replica identity')"
         " ORDER BY name";
}

// What is recorded and still there. The parts of a partitioned table's index go with it.
std::string indexes_query() {
  return "SELECT DISTINCT " + quoted("n.nspname", "i.relname") +
         " AS name, i.relkind = 'I',"
         " (SELECT string_agg(" +
         quoted("tn.nspname", "tc.relname") +
         ", E'\\x1f') FROM (SELECT relid::oid FROM pg_partition_tree(x.indrelid) UNION SELECT x.indrelid) t"
         "  JOIN pg_class tc ON tc.oid = t.relid JOIN pg_namespace tn ON tn.oid = tc.relnamespace)"
         " FROM pg_class i JOIN pg_namespace n ON n.oid = i.relnamespace JOIN pg_index x ON x.indexrelid = i.oid"
         " WHERE NOT i.relispartition AND (" +
         quoted("n.nspname", "i.relname") +
         " IN (SELECT object FROM tributary.undo WHERE kind = 'index') OR EXISTS (SELECT FROM tributary.published p"
         "   WHERE p.table_schema = n.nspname AND p.identity_index = i.relname AND p.identity = 'index')) ORDER BY 1";
}

// Of the recorded grants, those whose object (of a column's right, the column, which may be ctid) is still there.
constexpr char kRights[] = R"(
SELECT object, made, role FROM (SELECT object, made, role, substr(object, 1, strpos(object, ' ') - 1) AS class,
    substr(object, strpos(object, ' ') + 1) AS name FROM tributary.undo WHERE kind = 'grant') g
WHERE CASE class
  WHEN 'SCHEMA' THEN to_regnamespace(name) IS NOT NULL
  WHEN 'FUNCTION' THEN to_regprocedure(name) IS NOT NULL
  WHEN 'SEQUENCE' THEN to_regclass(name) IS NOT NULL
  WHEN 'TABLE' THEN to_regclass(name) IS NOT NULL AND (made !~ '\(' OR EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(name) AND NOT a.attisdropped
      AND '("' || replace(a.attname, '"', '""') || '")' = substr(made, strpos(made, ' ') + 1)))
  ELSE true END
ORDER BY role, object, made)";

constexpr char kRole[] = R"(
SELECT EXISTS (SELECT FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
    AND s.deptype = 'o' AND s.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))),
  (SELECT string_agg(DISTINCT d.datname, E'\x1f') FROM pg_shdepend s JOIN pg_database d
     ON d.oid = CASE WHEN s.classid = 'pg_database'::regclass THEN s.objid ELSE s.dbid END
   WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid AND d.datname <> current_database())
FROM pg_roles r WHERE r.rolname = $1)";

std::string unquoted(const std::string& name) {
  std::string text;
  for (size_t i = 1; i + 1 < name.size(); ++i) {
    text += name[i];
    if (name[i] == '"') ++i;
  }
  return text;
}

Task<std::vector<std::string>> names(Connection& connection, std::string query, Values values) {
  const Result rows = co_await connection.execute(std::move(query), std::move(values));
  std::vector<std::string> list;
  for (int i = 0; i < rows.rows(); ++i) list.push_back(rows.text(i, 0));
  co_return list;
}

Task<> read_recorded(Connection& connection, RemovalFacts& facts) {
  const Result records = co_await connection.query(
      "SELECT kind, object, made, role, former FROM tributary.undo ORDER BY kind, made_at, object, made");
  for (int i = 0; i < records.rows(); ++i) {
    UndoRecord record{records.text(i, 0), records.text(i, 1), records.text(i, 2), records.text(i, 3), {}};
    if (!records.is_null(i, 4)) record.former = records.text(i, 4);
    if (record.kind.starts_with("role")) facts.roles[record.object];
    if (record.kind == "grant") facts.roles[record.role];
    facts.records.push_back(std::move(record));
  }
  const Result rights = co_await connection.query(kRights);
  for (int i = 0; i < rights.rows(); ++i)
    facts.rights.push_back({"grant", rights.text(i, 0), rights.text(i, 1), rights.text(i, 2)});
  const Result published = co_await connection.query("SELECT to_regclass('tributary.published') IS NOT NULL");
  if (!published.boolean(0, 0)) co_return;  // a parent alone
  const Result identities = co_await connection.query(identities_query());
  for (int i = 0; i < identities.rows(); ++i)
    facts.identities.push_back(
        {identities.text(i, 0), identities.text(i, 1), identities.boolean(i, 2), split_names(identities.value(i, 3))});
  const Result indexes = co_await connection.query(indexes_query());
  for (int i = 0; i < indexes.rows(); ++i)
    facts.indexes.push_back({indexes.text(i, 0), split_names(indexes.value(i, 2)), indexes.boolean(i, 1)});
}

}  // namespace

Task<std::string> sessions_of_agent(Connection& connection, std::string node) {
  const Result rows = co_await connection.execute(
      "SELECT string_agg(format('pid %s%s', pid, ' from ' || host(client_addr)), ', ') FROM pg_stat_activity"
      " WHERE datname = current_database() AND (application_name = $1 OR starts_with(application_name, $1 || ' '))",
      {"tributary " + node});
  co_return rows.text(0, 0);
}

Task<RemovalFacts> read_removal_facts(Connection& connection, const Config& config) {
  RemovalFacts facts;
  const Result there = co_await connection.execute(
      "SELECT current_database(), EXISTS (SELECT FROM pg_publication WHERE pubname = $1),"
      " EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'tributary_prepare_partitions'),"
      " to_regnamespace('tributary') IS NOT NULL, to_regclass('tributary.undo') IS NOT NULL,"
      " to_regclass('tributary.stream') IS NOT NULL",
      {config.publication()});
  facts.database = there.text(0, 0);
  facts.has_publication = there.boolean(0, 1);
  facts.has_event_trigger = there.boolean(0, 2);
  facts.has_schema = there.boolean(0, 3);
  const std::string recorded =
      there.boolean(0, 5) ? " UNION SELECT slot FROM tributary.stream WHERE node = $2" : " UNION SELECT $2 WHERE false";
  facts.slots = co_await names(connection,
                               "SELECT slot_name::text FROM pg_replication_slots WHERE database = current_database()"
                               " AND NOT temporary AND slot_name::text IN (SELECT $1" +
                                   recorded + ")",
                               {config.slot(), config.node.name});
  facts.triggered_tables = co_await names(
      connection,
      "SELECT " + quoted("n.nspname", "c.relname") +
          " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
          " WHERE t.tgname = $1 AND t.tgparentid = 0 ORDER BY 1",
      {kCompletionTrigger});
  facts.schema_tables = co_await names(connection,
                                       "SELECT " + quoted("n.nspname", "c.relname") +
                                           " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                                           " WHERE n.nspname = 'tributary' AND c.relkind = 'r' ORDER BY 1",
                                       {});
  facts.schema_functions = co_await names(
      connection,
      "SELECT " + quoted("n.nspname", "p.proname") +
          " || '(' || pg_get_function_identity_arguments(p.oid) || ')'"
          " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'tributary' ORDER BY 1",
      {});
  if (there.boolean(0, 4)) co_await read_recorded(connection, facts);
  for (auto& [name, role] : facts.roles) {
    const Result row = co_await connection.execute(kRole, {unquoted(name)});
    if (row.rows() == 0) continue;
    role.exists = true;
    role.owns_objects = row.boolean(0, 0);
    role.elsewhere = split_names(row.value(0, 1));
  }
  co_return facts;
}

}  // namespace tributary
