#include "source/filter_memo.h"

#include "base/bytes.h"
#include "source/row_filter.h"

namespace tributary {
namespace {

using Answer = FilterMemo::Answer;

constexpr size_t kKnownMax = 100'000;
constexpr size_t kKnownBytesMax = 32 << 20;  // of the values

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

Task<std::vector<Answer>> evaluate(Connection& session, const CapturedTable& table,
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
  std::vector<Answer> answers;
  for (int i = 0; i < rows.rows(); ++i) answers.push_back({rows.boolean(i, 0) ? Verdict::yes : Verdict::no, {}});
  if (answers.size() != tuples.size())
    throw Error(ErrorKind::internal, "the row filter of " + table.sent.full_name() + " gave another number of answers");
  co_return answers;
}

// As evaluate, but a value that PostgreSQL refuses costs only its own verdict.
Task<std::vector<Answer>> evaluate_each(Connection& session, const CapturedTable& table,
                                        const std::vector<std::string>& tuples) {
  std::optional<Error> failure;
  try {
    co_return co_await evaluate(session, table, tuples);
  } catch (const Error& error) {
    if (!error.sqlstate().starts_with("22")) throw;
    failure = error;
  }
  if (tuples.size() == 1) {
    std::vector<Answer> answers(1);
    answers[0].verdict = Verdict::unknown;
    answers[0].sqlstate = failure->sqlstate();
    co_return answers;
  }
  const auto middle = tuples.begin() + static_cast<std::ptrdiff_t>(tuples.size() / 2);
  const std::vector<std::string> first(tuples.begin(), middle), second(middle, tuples.end());
  std::vector<Answer> answers = co_await evaluate_each(session, table, first);
  const std::vector<Answer> rest = co_await evaluate_each(session, table, second);
  answers.insert(answers.end(), rest.begin(), rest.end());
  co_return answers;
}

}  // namespace

Error unanswered_filter(const CapturedTable& table, const std::string& sqlstate) {
  return {
      ErrorKind::setup,
      "the row filter of " + table.sent.full_name() + " cannot be evaluated for a row (SQLSTATE " + sqlstate + ")",
      "make `where` of this table in the configuration a condition that raises for no row, then run `tributary init`"
      " and restart the agent",
      sqlstate};
}

std::string filter_statement(const CapturedTable& table) {
  std::string columns, arrays, names;
  for (size_t i = 0; i < table.filter_columns.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    columns +=
        "v.c" + number + "::" + table.filter_column_types[i] + " AS " + quote_name(table.filter_column_names[i]) + ", ";
    arrays += (i ? ", $" : "$") + number + "::text[]";
    names += "c" + number + ", ";
  }
  return "SELECT " + parenthesised(table.row_filter) + " IS TRUE FROM (SELECT " + columns +
         "v.n AS \"tributary number\" FROM unnest(" + arrays + ") WITH ORDINALITY AS v(" + names + "n)) AS " +
         quote_name(table.sent.name) + " ORDER BY \"tributary number\"";
}

const FilterMemo::Answer* FilterMemo::look_up(const CapturedTable& table, const std::vector<Value>& row) {
  filter_values_.clear();
  for (const uint16_t column : table.filter_columns) filter_values_.push_back(row[column]);
  Values values;
  write_tuple(values, filter_values_);
  const auto& known = known_[table.oid];
  if (const auto found = known.find(values); found != known.end()) return &found->second;
  missing_[table.oid].insert(std::move(values));
  return nullptr;
}

std::optional<FilterMemo::Verdicts> FilterMemo::look_up(const CapturedTable& table, const RowMessage& message) {
  const auto read = [&](std::string_view tuple, std::vector<Value>& values) {
    ByteReader in(tuple);
    read_tuple(in, values);
    if (values.size() != table.wire_columns)
      throw Error(ErrorKind::protocol,
                  "pgoutput: a row of " + table.sent.full_name() + " does not have its table's shape");
  };
  static const Answer no;
  const Answer *old_row = &no, *new_row = &no;
  if (message.old_kind) read(message.old_tuple, old_values_);
  if (message.kind != 'D') {
    read(message.new_tuple, new_values_);
    // A filter column too large to be in the message again is as it was; both kinds of old tuple have it.
    if (message.old_kind)
      for (const uint16_t column : table.filter_columns)
        if (new_values_[column].kind == ValueKind::unchanged) new_values_[column] = old_values_[column];
    new_row = look_up(table, new_values_);
  }
  if (message.old_kind)
    old_row = look_up(table, old_values_);
  else if (message.kind == 'U')
    old_row = new_row;  // the filter's columns are in the identity: without an old tuple they are as they were
  if (!old_row || !new_row) return std::nullopt;
  return Verdicts{old_row->verdict, new_row->verdict, new_row->sqlstate};
}

Task<> FilterMemo::resolve(Connection& session, const Assembler& tables) {
  for (auto& [oid, tuples] : missing_) {
    const CapturedTable* table = tables.table(oid);
    if (!table || tuples.empty()) continue;
    const std::vector<Values> asked(tuples.begin(), tuples.end());
    const std::vector<Answer> answers = co_await evaluate_each(session, *table, asked);
    for (size_t i = 0; i < asked.size(); ++i) learn(oid, asked[i], answers[i]);
  }
  missing_.clear();
}

void FilterMemo::learn(uint32_t oid, const Values& values, Answer answer) {
  if (!known_[oid].emplace(values, std::move(answer)).second) return;
  ++known_count_;
  known_bytes_ += values.size();
}

void FilterMemo::trim() {
  if (known_count_ <= kKnownMax && known_bytes_ <= kKnownBytesMax) return;
  known_.clear();
  known_count_ = known_bytes_ = 0;
}

void FilterMemo::forget(uint32_t oid) {
  const auto found = known_.find(oid);
  if (found == known_.end()) return;
  known_count_ -= found->second.size();
  for (const auto& [values, answer] : found->second) known_bytes_ -= values.size();
  known_.erase(found);
}

}  // namespace tributary
