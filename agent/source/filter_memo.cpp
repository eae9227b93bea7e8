#include "source/filter_memo.h"

#include "base/bytes.h"

namespace tributary {
namespace {

constexpr size_t kKnownMax = 100'000;  // per table; then the memo begins anew

// Values as text array literals, one per filter column.
std::vector<std::optional<std::string>> array_literals(const std::vector<std::string>& tuples, size_t columns) {
  std::vector<std::string> arrays(columns, "{");
  std::vector<Value> values;
  for (const std::string& tuple : tuples) {
    ByteReader in(tuple);
    read_tuple(in, values);
    for (size_t i = 0; i < columns; ++i) {
      std::string& array = arrays[i];
      if (array.size() > 1) array += ',';
      if (values[i].kind == ValueKind::null) {
        array += "NULL";
        continue;
      }
      array += '"';
      for (const char c : values[i].text) {
        if (c == '"' || c == '\\') array += '\\';
        array += c;
      }
      array += '"';
    }
  }
  std::vector<std::optional<std::string>> literals;
  for (std::string& array : arrays) literals.emplace_back(array + "}");
  return literals;
}

Task<std::vector<Verdict>> evaluate(Connection& session, const CapturedTable& table,
                                    const std::vector<std::string>& tuples) {
  const auto literals = array_literals(tuples, table.filter_columns.size());
  std::vector<Statement> statements(3);
  statements[0].sql = "BEGIN READ ONLY";
  statements[1].sql = filter_statement(table);
  for (const auto& literal : literals) statements[1].params.push_back(Param::text(*literal));
  statements[2].sql = "COMMIT";
  PipelineResult outcome = co_await session.pipeline(statements);
  if (outcome.error) {
    if (session.in_transaction()) co_await session.query("ROLLBACK");
    throw *outcome.error;
  }
  const Result& rows = outcome.results[1];
  std::vector<Verdict> verdicts;
  for (int i = 0; i < rows.rows(); ++i) verdicts.push_back(rows.boolean(i, 0) ? Verdict::yes : Verdict::no);
  if (verdicts.size() != tuples.size())
    throw Error(ErrorKind::internal, "the row filter of " + table.sent.full_name() + " gave another number of answers");
  co_return verdicts;
}

// As evaluate, but a value that PostgreSQL refuses costs only its own verdict.
Task<std::vector<Verdict>> evaluate_each(Connection& session, const CapturedTable& table,
                                         const std::vector<std::string>& tuples) {
  std::optional<Error> failure;
  try {
    co_return co_await evaluate(session, table, tuples);
  } catch (const Error& error) {
    if (!error.sqlstate().starts_with("22")) throw;
    failure = error;
  }
  if (tuples.size() == 1) co_return std::vector<Verdict>{Verdict::unknown};
  const auto middle = tuples.begin() + static_cast<std::ptrdiff_t>(tuples.size() / 2);
  const std::vector<std::string> first(tuples.begin(), middle), second(middle, tuples.end());
  std::vector<Verdict> verdicts = co_await evaluate_each(session, table, first);
  const std::vector<Verdict> rest = co_await evaluate_each(session, table, second);
  verdicts.insert(verdicts.end(), rest.begin(), rest.end());
  co_return verdicts;
}

}  // namespace

std::string filter_statement(const CapturedTable& table) {
  std::string columns, arrays, names;
  for (size_t i = 0; i < table.filter_columns.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    columns +=
        "v.c" + number + "::" + table.filter_column_types[i] + " AS " + quote_name(table.filter_column_names[i]) + ", ";
    arrays += (i ? ", $" : "$") + number + "::text[]";
    names += "c" + number + ", ";
  }
  return "SELECT (" + table.row_filter + ") IS TRUE FROM (SELECT " + columns +
         "v.n AS \"tributary number\" FROM unnest(" + arrays + ") WITH ORDINALITY AS v(" + names + "n)) AS " +
         quote_name(table.sent.name) + " ORDER BY \"tributary number\"";
}

std::optional<Verdict> FilterMemo::look_up(const CapturedTable& table, const std::vector<Value>& row) {
  filter_values_.clear();
  for (const uint16_t column : table.filter_columns) filter_values_.push_back(row[column]);
  Values values;
  write_tuple(values, filter_values_);
  const auto& known = known_[table.oid];
  if (const auto found = known.find(values); found != known.end()) return found->second;
  missing_[table.oid].insert(std::move(values));
  return std::nullopt;
}

std::optional<FilterMemo::Verdicts> FilterMemo::look_up(const CapturedTable& table, const RowMessage& message) {
  const auto read = [&](std::string_view tuple, std::vector<Value>& values) {
    ByteReader in(tuple);
    read_tuple(in, values);
    if (values.size() != table.wire_columns)
      throw Error(ErrorKind::protocol,
                  "pgoutput: a row of " + table.sent.full_name() + " does not have its table's shape");
  };
  Verdicts verdicts;
  std::optional<Verdict> old_row = Verdict::no, new_row = Verdict::no;
  if (message.old_kind) read(message.old_tuple, old_values_);
  if (message.kind != 'D') {
    read(message.new_tuple, new_values_);
    // A filter column too large to be in the message again is as it was.
    if (message.old_kind == 'O')
      for (const uint16_t column : table.filter_columns)
        if (new_values_[column].kind == ValueKind::unchanged) new_values_[column] = old_values_[column];
    new_row = look_up(table, new_values_);
  }
  if (message.old_kind)
    old_row = look_up(table, old_values_);
  else if (message.kind == 'U')
    old_row = new_row;  // the filter's columns are in the identity: without an old tuple they are as they were
  if (!old_row || !new_row) return std::nullopt;
  return Verdicts{*old_row, *new_row};
}

Task<> FilterMemo::resolve(Connection& session, const Assembler& tables) {
  for (auto& [oid, tuples] : missing_) {
    const CapturedTable* table = tables.table(oid);
    if (!table || tuples.empty()) continue;
    const std::vector<Values> asked(tuples.begin(), tuples.end());
    const std::vector<Verdict> verdicts = co_await evaluate_each(session, *table, asked);
    auto& known = known_[oid];
    if (known.size() > kKnownMax) known.clear();
    for (size_t i = 0; i < asked.size(); ++i) known.emplace(asked[i], verdicts[i]);
  }
  missing_.clear();
}

}  // namespace tributary
