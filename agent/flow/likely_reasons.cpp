#include "flow/likely_reasons.h"

#include <algorithm>

#include "base/clock.h"
#include "change/column_value.h"
#include "change/payload.h"
#include "monitor/bounds.h"
#include "monitor/words.h"
#include "postgres/connection.h"

namespace tributary {
namespace {

constexpr size_t kBytesBefore = 30, kBytesShown = 120;  // of a value, around the first difference
constexpr size_t kNamesMax = 8;

std::vector<std::optional<std::string_view>> values_of(const std::string* tuple, size_t columns) {
  std::vector<std::optional<std::string_view>> texts(columns);
  if (!tuple) return texts;
  ByteReader in(*tuple);
  std::vector<Value> values;
  read_tuple(in, values);
  if (values.size() != columns) throw Error(ErrorKind::internal, "a row with another number of columns than its table");
  for (size_t i = 0; i < columns; ++i)
    if (values[i].kind == ValueKind::text) texts[i] = values[i].text;
  return texts;
}

std::vector<ColumnValue> values_of(const Comparison::InspectedRow& row, size_t columns) {
  std::vector<ColumnValue> values;
  for (const std::string& bytes : row.values) values.push_back(decode_column_value(bytes));
  if (values.size() != columns)
    throw Error(ErrorKind::protocol, "the parent's answer has another number of columns than the table");
  return values;
}

std::string list_of(const std::set<std::string>& names) {
  std::string list;
  size_t count = 0;
  for (const std::string& name : names) {
    if (count++ == kNamesMax) return list + ", ...";
    list += (list.empty() ? "" : ", ") + name;
  }
  return list;
}

std::string with_noun(const std::set<std::string>& names, const char* singular, const char* plural) {
  return std::string(names.size() == 1 ? singular : plural) + " " + list_of(names);
}

bool is_inside_character(char c) {
  return (c & 0xc0) == 0x80;
}

// From `begin` on, at borders of characters.
std::string excerpt(std::string_view text, size_t begin) {
  begin = std::min(begin, text.size());
  while (begin > 0 && begin < text.size() && is_inside_character(text[begin])) --begin;
  size_t end = std::min(text.size(), begin + kBytesShown);
  while (end < text.size() && is_inside_character(text[end])) ++end;
  return (begin > 0 ? "..." : "") + clean_text(text.substr(begin, end - begin)) + (end < text.size() ? "..." : "");
}

}  // namespace

void LikelyReasons::add(const DifferingRow& row, const std::vector<std::string>& triggers) {
  const bool is_here = row.theirs && row.theirs->is_here;
  const auto count = [&](status::Finding::Reason reason, const std::set<std::string>& names) {
    Group& group = groups_[reason];
    ++group.rows;
    group.names.insert(names.begin(), names.end());
    if (is_here) group.written_at = std::max(group.written_at, row.theirs->written_at);
  };
  if (!row.own && !is_here) return;  // gone on both sides meanwhile
  if (is_here && row.theirs->is_foreign) return count(status::Finding::NOT_OWNED, {});
  std::set<std::string> different, spelled_otherwise;
  const bool is_compared = row.own && is_here && !row.theirs->values.empty();
  if (is_compared) {
    const size_t columns = relation_.columns.size();
    const auto own = values_of(row.own, columns);
    const auto theirs = values_of(*row.theirs, columns);
    for (size_t i = 0; i < columns; ++i) {
      const Sameness sameness = theirs[i].compared_with(own[i], relation_.columns[i].type_oid);
      if (sameness == Sameness::different) different.insert(relation_.columns[i].name);
      if (sameness == Sameness::spelling) spelled_otherwise.insert(relation_.columns[i].name);
    }
    if (different.empty() && spelled_otherwise.empty()) return;  // equal meanwhile
  }
  if (row.theirs && !row.theirs->stale_reason.empty())
    return count(status::Finding::REFUSED, {row.theirs->stale_reason});
  if (!triggers.empty()) return count(status::Finding::TRIGGER, {triggers.begin(), triggers.end()});
  if (!row.own) return count(status::Finding::INSERTED, {});
  if (!is_here) return count(status::Finding::DELETED, {});
  if (is_compared && different.empty()) return count(status::Finding::WRITTEN_OTHERWISE, spelled_otherwise);
  count(status::Finding::EDITED, different);
}

status::Finding LikelyReasons::finding(status::Finding::Reason reason, const Group& group) const {
  const std::string table = relation_.full_name();
  const std::string repair = "`tributary verify " + table + " --repair`";
  std::string message, hint;
  if (reason == status::Finding::EDITED) {
    message = "changed at " + parent_ + " by something else than its agent";
    if (!group.names.empty()) message += ": " + with_noun(group.names, "column", "columns");
    hint = "find who writes there: a child's rows are its own; " + repair + " puts this node's values back";
  } else if (reason == status::Finding::DELETED) {
    message = "deleted at " + parent_ + " by something else than its agent";
    hint = "find who deletes there; " + repair + " puts the rows back";
  } else if (reason == status::Finding::INSERTED) {
    message = "inserted at " + parent_ +
              " by something else than its agent, or taken away here without a word in the log (a partition dropped, "
              "detached or emptied)";
    hint = "if they are to go: `tributary resync " + table + " --delete-extra`";
  } else if (reason == status::Finding::NOT_OWNED) {
    message = parent_ + " has other rows under these keys, which this node does not own there";
    hint = "at " + parent_ +
           ": if they are this node's, correct `owns` of its [[child]], or the values that it looks at; otherwise two "
           "nodes use one key";
  } else if (reason == status::Finding::TRIGGER) {
    const bool is_one = group.names.size() == 1;
    message = with_noun(group.names, "trigger", "triggers") + " of the table at " + parent_ +
              (is_one ? " fires" : " fire") +
              " also on what its agent writes (ENABLE ALWAYS or REPLICA), and may change, drop or add rows";
    hint = "at " + parent_ + ": `ALTER TABLE " + table + " ENABLE TRIGGER " + quote_name(*group.names.begin()) +
           "` lets it fire for the application only; then " + repair;
  } else if (reason == status::Finding::WRITTEN_OTHERWISE) {
    message = "the same value as other text (1.0 and 1.00, line ends, blanks): " +
              with_noun(group.names, "column", "columns");
    hint = repair + " writes it as it is here";
  } else if (reason == status::Finding::REFUSED) {
    message = parent_ + " does not have the row whole: " + list_of(group.names);
    hint = "`tributary status` says what mends it; the row then comes by itself";
  }
  if (group.written_at != 0 && (reason == status::Finding::EDITED || reason == status::Finding::INSERTED))
    message += ", last at " + time_in_words(group.written_at, unix_milliseconds_now());
  status::Finding finding;
  finding.set_reason(reason);
  finding.set_rows(group.rows);
  finding.set_message(message);
  finding.set_hint(hint);
  return finding;
}

std::vector<status::Finding> LikelyReasons::findings() const {
  std::vector<status::Finding> findings;
  for (const auto& [reason, group] : groups_) findings.push_back(finding(reason, group));
  std::stable_sort(findings.begin(), findings.end(),
                   [](const status::Finding& a, const status::Finding& b) { return a.rows() > b.rows(); });
  return findings;
}

std::vector<status::DifferentColumn> different_columns(const Relation& relation, const DifferingRow& row) {
  std::vector<status::DifferentColumn> shown;
  // A row of which the parent does not tell the values.
  if (row.own && row.theirs && row.theirs->is_here && !row.theirs->is_foreign && row.theirs->values.empty())
    return shown;
  const size_t columns = relation.columns.size();
  const auto own = values_of(row.own, columns);
  const bool has_theirs = row.theirs && row.theirs->is_here && !row.theirs->values.empty();
  const auto theirs = has_theirs ? values_of(*row.theirs, columns) : std::vector<ColumnValue>(columns);
  for (size_t i = 0; i < columns; ++i) {
    if (relation.columns[i].is_key) continue;
    const bool is_compared = row.own && has_theirs;
    if (is_compared && theirs[i].compared_with(own[i], relation.columns[i].type_oid) == Sameness::equal) continue;
    status::DifferentColumn& column = shown.emplace_back();
    column.set_name(relation.columns[i].name);
    size_t begin = 0;
    if (own[i] && theirs[i].kind == ColumnValue::Kind::text) {
      const auto [here, there] =
          std::mismatch(own[i]->begin(), own[i]->end(), theirs[i].text.begin(), theirs[i].text.end());
      const size_t first = static_cast<size_t>(here - own[i]->begin());
      begin = first > kBytesBefore ? first - kBytesBefore : 0;
    }
    if (own[i]) column.set_here(excerpt(*own[i], begin));
    if (theirs[i].kind == ColumnValue::Kind::text) column.set_there(excerpt(theirs[i].text, begin));
    if (theirs[i].kind == ColumnValue::Kind::hashes) column.set_there("(too large to be shown)");
  }
  return shown;
}

}  // namespace tributary
