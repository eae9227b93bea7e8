#include "source/row_filter.h"

namespace tributary {
namespace {

constexpr char kProbeIndex[] = "tributary_row_filter";

constexpr char kColumnsRead[] = R"(
SELECT a.attname FROM pg_attribute a JOIN pg_class i ON i.relname = $1 AND i.relnamespace = pg_my_temp_schema()
JOIN pg_index x ON x.indexrelid = i.oid AND x.indrelid = a.attrelid
WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.oid
  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum)
  AND NOT a.attnum = ANY (x.indkey::int2[]) ORDER BY a.attnum)";

constexpr char kFunctionsCalled[] = R"(
SELECT DISTINCT n.nspname, p.oid::regprocedure::text, p.provolatile = 'i'
FROM pg_class i
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.oid
LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
JOIN pg_proc p ON p.oid = CASE WHEN d.refclassid = 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode::oid END
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE i.relname = $1 AND i.relnamespace = pg_my_temp_schema() ORDER BY 2)";

constexpr char kRecipe[] =
    "a row filter may use the row's own columns, constants and IMMUTABLE functions only; keep what else it needs in a"
    " column of the table, set by a trigger, and filter on that column";

// The temporary table has the table's name, so that the filter may qualify its columns with it.
std::string temporary_table(const TableFacts& table) {
  std::string columns = "tributary_row integer";
  for (const ColumnFacts& column : table.columns) columns += ", " + quote_name(column.name) + " " + column.sql_type;
  return "CREATE TEMPORARY TABLE pg_temp." + quote_name(table.name) + " (" + columns + ") ON COMMIT DROP";
}

Error unfit_filter(const TableFacts& table, const Error& error) {
  const std::string what = "the row filter of " + table.full_name();
  const std::string& code = error.sqlstate();
  // 42P17: not IMMUTABLE. 0A000: subquery. 42803, 42P20: aggregate, window function.
  if (code == "42P17") return Error(ErrorKind::setup, what + " uses a function that is not IMMUTABLE", kRecipe, code);
  if (code == "0A000" || code == "42803" || code == "42P20")
    return Error(ErrorKind::setup, what + " is not a condition on one row: " + error.message(), kRecipe, code);
  if (code == "42501") return Error(ErrorKind::setup, what + ": " + error.message(), "run: tributary init", code);
  if (code.starts_with("22") || code.starts_with("42") || code.starts_with("3F"))
    return Error(ErrorKind::setup, what + ": " + error.message(),
                 "correct `where` of this table in the configuration; names in other schemas need their schema", code);
  return error;
}

}  // namespace

std::string parenthesised(const std::string& where) {
  return "(" + where + (where.find("--") == std::string::npos ? ")" : "\n)");
}

Task<RowFilter> analyse_row_filter(Connection& connection, const TableFacts& table, std::string where) {
  RowFilter filter;
  std::optional<Error> failure;
  co_await connection.query("BEGIN");
  try {
    co_await connection.execute(temporary_table(table), {});
    co_await connection.execute("CREATE INDEX " + std::string(kProbeIndex) + " ON pg_temp." + quote_name(table.name) +
                                    " (tributary_row) WHERE " + parenthesised(where),
                                {});
    const Result columns = co_await connection.execute(kColumnsRead, {kProbeIndex});
    for (int i = 0; i < columns.rows(); ++i) filter.columns.push_back(columns.text(i, 0));
    const Result functions = co_await connection.execute(kFunctionsCalled, {kProbeIndex});
    for (int i = 0; i < functions.rows(); ++i) {
      // One in SQL is inlined, and then its own volatility is not asked for; but its body may be replaced tomorrow.
      if (!functions.boolean(i, 2))
        throw Error(ErrorKind::setup, functions.text(i, 1) + " is not IMMUTABLE", kRecipe, "42P17");
      filter.functions.push_back({functions.text(i, 0), functions.text(i, 1)});
    }
  } catch (const Error& error) {
    failure = error;
  }
  if (failure && failure->kind() == ErrorKind::connection) throw *failure;
  co_await connection.query("ROLLBACK");
  if (failure) throw unfit_filter(table, *failure);

  if (filter.columns.empty())
    throw Error(ErrorKind::setup, "the row filter of " + table.full_name() + " reads no column by name",
                "leave `where` out to send every row");
  for (const std::string& name : filter.columns)
    if (table.column(name)->is_generated)
      throw Error(ErrorKind::setup, "the row filter of " + table.full_name() + " reads the generated column " + name,
                  "use the expression that generates it: generated columns are not in the write-ahead log's stream");
  co_return filter;
}

Task<std::optional<std::string>> publication_filter(Connection& connection, const TableFacts& table,
                                                    std::string where) {
  constexpr char kProbe[] = "tributary_row_filter_probe";
  std::optional<std::string> printed;
  std::optional<Error> failure;
  co_await connection.query("BEGIN");
  try {
    co_await connection.execute("CREATE PUBLICATION " + std::string(kProbe) + " FOR TABLE " +
                                    quote_name(table.schema, table.name) + " WHERE " + parenthesised(where) +
                                    " WITH (publish_via_partition_root = true)",
                                {});
    const Result rows = co_await connection.execute(
        "SELECT pg_get_expr(r.prqual, r.prrelid) FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid"
        " WHERE p.pubname = $1 AND r.prrelid = $2::oid",
        {kProbe, std::to_string(table.oid)});
    printed = rows.text(0, 0);
  } catch (const Error& error) {
    failure = error;
  }
  if (failure && failure->kind() == ErrorKind::connection) throw *failure;
  co_await connection.query("ROLLBACK");
  // 0A000: types, functions or collations of users; 42P17 is a mutable function, which the analysis names better.
  if (failure && failure->sqlstate() != "0A000") throw *failure;
  co_return printed;
}

}  // namespace tributary
