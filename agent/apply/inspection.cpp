#include "apply/inspection.h"

#include <algorithm>

#include "apply/known_keys.h"
#include "apply/row_source.h"
#include "apply/transaction.h"
#include "change/column_value.h"

namespace tributary {
namespace {

constexpr size_t kRowBytesMax = 256 << 10;  // as stored, often compressed; the values of larger rows are not read
constexpr size_t kReadBytesMax = 32 << 20;  // of all rows, as text; of each an equal share: larger ones are not read
constexpr size_t kTextBytesMax = 1 << 20;   // of all values that are told: what is beyond comes as hashes

// pg_xact_commit_timestamp fails where the server does not keep the times.
constexpr char kWrittenAt[] =
    "CASE WHEN current_setting('track_commit_timestamp') = 'on'"
    " THEN (extract(epoch FROM pg_xact_commit_timestamp(t.xmin)) * 1000)::bigint END";

// Of the table and its partitions, which fire under the replica role too. Our own one changes no value.
constexpr char kTriggers[] =
    "SELECT DISTINCT g.tgname FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid"
    " WHERE (g.tgrelid = $1::regclass OR g.tgrelid IN (SELECT relid FROM pg_partition_tree($1::regclass)))"
    " AND NOT g.tgisinternal AND g.tgenabled IN ('A', 'R') AND p.pronamespace <> 'tributary'::regnamespace"
    " ORDER BY 1";

struct Keys {
  std::vector<std::vector<Value>> values;
  std::vector<RowValues> rows;
};

Keys keys_of(const Shape& shape, const DigestView& digest) {
  Keys keys;
  for (const std::string_view key : digest.keys) {
    const std::vector<Value> parts = key_values(key, shape.key.size());
    std::vector<Value>& row = keys.values.emplace_back(shape.columns.size());
    for (size_t i = 0; i < parts.size(); ++i) row[shape.key[i]] = parts[i];
  }
  for (const std::vector<Value>& row : keys.values) keys.rows.push_back(row.data());
  return keys;
}

// The columns of the child's, only those of the key in a row that is too large; whether it is not; whether the child
// owns the row; when it was written. format() makes the text that would come back (a cast would cut the blanks of
// char(n)), and only of what is small as stored: compressed documents may be a hundred times as large.
void add_rows(StatementList& out, const Shape& shape, const Keys& keys) {
  RowSource source(keys.rows);
  const std::string match = same_key(shape, source);
  std::string columns, stored, text;
  for (const Shape::Column& column : shape.columns) {
    const char* plus = stored.empty() ? "" : " + ";
    columns += column.is_key ? column.as_sent + ", " : "CASE WHEN l.is_small THEN " + column.as_sent + " END, ";
    stored += plus + ("coalesce(pg_column_size(t." + column.name + "), 0)::bigint");
    text += plus + ("octet_length(format('%s', " + column.as_sent + "))::bigint");
  }
  // OFFSET 0: once for each row, not for each column.
  out.add("SELECT " + columns + "l.is_small, " + (shape.owns.empty() ? "true" : owned(shape, "SELECT t.*")) + ", " +
              kWrittenAt + " FROM " + existing_rows(shape) + " JOIN " + source.from() + " ON " + match +
              " CROSS JOIN LATERAL (SELECT CASE WHEN " + stored + " <= " + std::to_string(kRowBytesMax) + " THEN " +
              text + " <= " + std::to_string(kReadBytesMax / std::max<size_t>(1, keys.rows.size())) +
              " ELSE false END AS is_small OFFSET 0) AS l",
          Expect::anything, 0, source.take_params(), false);
}

void add_triggers(StatementList& out, const Shape& shape) {
  std::vector<StatementList::Param> name;
  name.push_back({false, shape.table});
  out.add(kTriggers, Expect::anything, 0, std::move(name));
}

void add_stale_reasons(StatementList& out, const std::string& child, const std::string& table) {
  std::vector<StatementList::Param> names;
  names.push_back({false, child});
  names.push_back({false, table});
  out.add("SELECT key, reason FROM tributary.stale WHERE child = $1::text AND table_name = $2::text", Expect::anything,
          0, std::move(names));
}

// Of the keys asked after, in rows of their own where nothing is here.
void add_reasons(Comparison& comparison, const DigestView& digest, const Result& stale) {
  for (int i = 0; i < stale.rows(); ++i) {
    const std::string key = bytes_of_text(stale.value(i, 0));
    if (std::find(digest.keys.begin(), digest.keys.end(), key) == digest.keys.end()) continue;
    const auto known = std::find_if(comparison.inspected.begin(), comparison.inspected.end(),
                                    [&](const Comparison::InspectedRow& row) { return row.key == key; });
    Comparison::InspectedRow& row = known == comparison.inspected.end() ? comparison.inspected.emplace_back() : *known;
    row.key = key;
    row.stale_reason = stale.text(i, 1);
  }
}

std::string key_in(const Shape& shape, const Result& found, int row) {
  std::vector<Value> values;
  for (const size_t column : shape.key) values.push_back({ValueKind::text, found.value(row, static_cast<int>(column))});
  std::string key;
  write_tuple(key, values);
  return key;
}

}  // namespace

Task<Comparison> inspect(Connection& connection, const ChildRights& rights, const Walks& walks, const Shape& shape,
                         const DigestView& digest) {
  const Keys keys = keys_of(shape, digest);
  StatementList list;
  add_rows(list, shape, keys);
  add_triggers(list, shape);
  const bool has_stale = walks.has_stale(shape.title);
  if (has_stale) add_stale_reasons(list, rights.child.name, shape.title);
  const PipelineResult answer = co_await run(connection, list);
  if (answer.error) throw *answer.error;

  Comparison comparison;
  const Result& found = answer.results[0];
  const int columns = static_cast<int>(shape.columns.size());
  size_t text_bytes = 0;
  for (int row = 0; row < found.rows(); ++row) {
    Comparison::InspectedRow& inspected = comparison.inspected.emplace_back();
    inspected.key = key_in(shape, found, row);
    inspected.is_here = true;
    inspected.is_foreign = !found.boolean(row, columns + 1);
    inspected.written_at = found.is_null(row, columns + 2) ? 0 : found.integer(row, columns + 2);
    if (inspected.is_foreign || !found.boolean(row, columns)) continue;
    for (int column = 0; column < columns; ++column) {
      std::optional<std::string_view> text;
      if (!found.is_null(row, column)) text = found.value(row, column);
      text_bytes += text ? text->size() : 0;
      inspected.values.push_back(encode_column_value(text, shape.columns[static_cast<size_t>(column)].child_type_oid,
                                                     digest.wants_values && text_bytes <= kTextBytesMax));
    }
  }
  for (int row = 0; row < answer.results[1].rows(); ++row)
    comparison.triggers.push_back(answer.results[1].text(row, 0));
  if (has_stale) add_reasons(comparison, digest, answer.results[2]);
  co_return comparison;
}

}  // namespace tributary
