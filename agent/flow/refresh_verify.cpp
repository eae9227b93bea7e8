// Refresh: comparing tables with the parent's.
#include <algorithm>

#include "base/clock.h"
#include "change/chunk.h"
#include "flow/refresh.h"
#include "flow/refresh_limits.h"
#include "monitor/words.h"

namespace tributary {
namespace {

constexpr size_t kDifferencesToWalk = 1'000;  // in one digest: then rows are cheaper than keys

}  // namespace

Task<> Refresh::verify(ChunkReader& reader) {
  const VerifyOrder order = *state_.order();
  const uint64_t number = state_.order_number();
  const status::Verification before = state_.verification();
  for (status::VerifiedTable table : before.tables()) {
    if (table.is_finished()) continue;
    if (!held_.contains(table.name()))
      co_await of_table(table.name(),
                        verify_table(reader, table, {order.repairs, order.deletes_extra, order.shows_values, number}));
    if (number != state_.order_number()) co_return;  // cancelled
    if (held_.contains(table.name()))
      table.set_message("it is held: `tributary status` says why");
    else if (pauses_.has(table.name()))
      table.set_message("paused: `tributary resume " + table.name() + "` ends it, and compares the table");
    else if (!table.is_finished())
      table.set_message("PostgreSQL refuses to read it: `tributary status` says why");
    finish(table, order.repairs);
    state_.store(number, table);
  }
  // What has to be walked for it comes first.
  for (status::VerifiedTable table : state_.verification().tables()) {
    if (!state_.wanted_walk(table.name())) continue;
    if (is_to_be_walked(table.name())) co_return;
    table.set_message("not mended yet: `tributary status` says why");
    table.set_is_mended(false);
    state_.store(number, table);
    state_.forget_walk(table.name());
  }
  state_.end_verification();
}

void Refresh::finish(status::VerifiedTable& table, bool is_mended) {
  table.set_is_finished(true);
  table.set_finished_at(unix_milliseconds_now());
  table.set_is_mended(is_mended && table.message().empty());
}

Task<> Refresh::verify_table(ChunkReader& reader, status::VerifiedTable& result, HowToVerify how) {
  const std::string name = result.name();
  Placing form;
  form.table = co_await plan(reader, name);
  form.digest = DigestForm{.is_to_verify = true};
  std::optional<std::string> after = how.order != 0 ? place_of(*form.table) : std::nullopt;
  if (!after) {
    result.Clear();
    result.set_name(name);
    if (how.order != 0) state_.forget_differences(name);
    result.set_expected_rows(co_await reader.estimate_rows(*form.table));
  }
  LikelyReasons reasons(form.table->relation, config_.parent->name);
  size_t inspected = 0;
  for (bool is_at_end = false; !is_at_end;) {
    if (has_stale_keys()) co_await refresh_stale_keys(reader);
    const PlacingPtr digest = co_await place_range(reader, form, ReadWhat::digests, after, {kDigestRows, kDigestBytes});
    const auto answer = co_await comparison(name, digest->seq, how);
    if (is_cancelled(how)) co_return;
    if (!answer) continue;
    if (!answer->refusal.empty()) {
      result.set_message(answer->refusal);
      break;
    }
    Findings found = compare(*digest, *answer, result, how.order != 0);
    while (found.to_inspect.size() > kInspectedMax - inspected)
      found.to_inspect.erase(std::prev(found.to_inspect.end()));
    if (!found.to_inspect.empty() && parent_.answers_inspections()) {
      inspected += found.to_inspect.size();
      co_await inspect(reader, form.table, std::move(found.to_inspect), reasons, how);
      if (is_cancelled(how)) co_return;
      result.clear_findings();
      for (status::Finding& finding : reasons.findings()) *result.add_findings() = std::move(finding);
    }
    if (how.repairs && (found.is_bulk || found.extra > 0 || found.to_mend.size() > kDifferencesToWalk))
      state_.want_walk(name, how.deletes_extra, how.order != 0);
    else if (how.repairs && !state_.wanted_walk(name))
      co_await refresh_keys(reader, form.table, found.to_mend);
    after = digest->up_to();
    is_at_end = !after;
    if (is_cancelled(how)) co_return;
    if (after) state_.store(how.order, result, ComparedPlace{name, form.table->relation.shape_id(), *after});
    co_await record(reader.connection());
  }
  finish(result, how.repairs);
}

// Where a comparison of the table was left.
std::optional<std::string> Refresh::place_of(const ChunkTable& table) const {
  const auto& place = state_.place();
  if (!place || place->table != table.relation.full_name() || place->shape_id != table.relation.shape_id())
    return std::nullopt;
  return place->after;
}

// nullopt: it has to be asked for again, because the session ended, or not at all.
Task<std::optional<Comparison>> Refresh::comparison(std::string table, uint64_t seq, const HowToVerify& how) {
  const uint64_t session = parent_.sessions();
  for (;;) {
    auto answer = parent_.take_comparison(table, seq);
    const bool is_lost = parent_.sessions() != session && is_usable() && parent_.at().seq >= seq;
    if (answer || is_lost || is_cancelled(how)) co_return answer;
    co_await placer_.changed().wait_for(kRefreshLookInterval);
  }
}

// Asks the parent what it has instead of these rows.
Task<> Refresh::inspect(ChunkReader& reader, std::shared_ptr<const ChunkTable> table,
                        std::map<std::string, status::Difference::Kind> rows, LikelyReasons& reasons,
                        const HowToVerify& how) {
  const std::string name = table->relation.full_name();
  while (!rows.empty()) {
    require_sent(name);
    if (is_cancelled(how)) co_return;
    co_await yield_to_changes();
    std::vector<std::string> keys;
    for (const auto& [key, kind] : rows) keys.push_back(key);
    auto read = co_await reader.read_keys(*table, std::move(keys));
    if (!read) throw Error(ErrorKind::resource, "table " + name + " was altered");
    Placing question;
    question.table = table;
    question.chunk = std::move(read->chunk);
    question.is_inspection = true;
    question.wants_values = how.shows_values;
    const PlacingPtr placing = co_await begin_placing(reader, std::move(question), read->bytes);
    if (!placing || !co_await wait_for_place(placing)) continue;
    const auto answer = co_await comparison(name, placing->seq, how);
    if (is_cancelled(how)) co_return;
    if (!answer) continue;
    if (!answer->refusal.empty()) co_return;
    std::map<std::string_view, const std::string*> own;
    for (const ReadChunk::Row& row : placing->chunk.rows) own[row.key] = &row.tuple;
    std::map<std::string_view, const Comparison::InspectedRow*> theirs;
    for (const Comparison::InspectedRow& row : answer->inspected) theirs[row.key] = &row;
    for (const std::string& key : placing->chunk.keys) {
      const auto node = rows.extract(key);
      if (node.empty() || placing->settled.contains(key)) continue;
      const auto own_row = own.find(key);
      const auto their_row = theirs.find(key);
      const DifferingRow row{node.mapped(), own_row == own.end() ? nullptr : own_row->second,
                             their_row == theirs.end() ? nullptr : their_row->second};
      reasons.add(row, answer->triggers);
      if (how.shows_values) state_.set_columns(named(*table, key, row.kind), different_columns(table->relation, row));
    }
  }
}

status::Difference Refresh::named(const ChunkTable& table, std::string_view key, status::Difference::Kind kind) {
  status::Difference difference;
  difference.set_table(table.relation.full_name());
  difference.set_kind(kind);
  for (const Value& value : key_values(key, table.key().size())) difference.add_key(std::string(value.text));
  return difference;
}

Refresh::Findings Refresh::compare(const Placing& placing, const Comparison& answer, status::VerifiedTable& result,
                                   bool keeps) {
  Findings found;
  const PlacedDigest& digest = placing.placed;
  uint64_t missing = 0;
  const auto note = [&](status::Difference::Kind kind, std::string_view key) {
    if (kind == status::Difference::EXTRA)
      ++found.extra;
    else
      found.to_mend.push_back({result.name(), std::string(key)});
    missing += kind == status::Difference::MISSING;
    if (!keeps) return;
    state_.add_difference(named(*placing.table, key, kind));
    if (found.to_inspect.size() < kInspectedMax) found.to_inspect.emplace(key, kind);
  };
  for (const Comparison::Difference& part : answer.differences) {
    if (part.last >= digest.ends.size())
      throw Error(ErrorKind::protocol, "the parent's answer names a range that was not sent");
    const size_t begin = part.first == 0 ? 0 : digest.ends[part.first - 1], end = digest.ends[part.last];
    if (part.is_cut) {  // too many to be named
      found.is_bulk = true;
      result.set_different(result.different() + std::max<size_t>(1, end - begin));
      continue;
    }
    std::map<std::string_view, RowHash> theirs;
    for (const Comparison::Row& row : part.rows) theirs[row.key] = row.hash;
    for (size_t i = begin; i < end; ++i) {
      const ReadChunk::Row& row = digest.rows[i];
      const auto their = theirs.find(row.key);
      if (their == theirs.end()) {
        note(status::Difference::MISSING, row.key);
        continue;
      }
      if (their->second != row.hash) note(status::Difference::DIFFERENT, row.key);
      theirs.erase(their);
    }
    for (const auto& [key, hash] : theirs) note(status::Difference::EXTRA, key);
  }
  result.set_ranges(result.ranges() + digest.ends.size());
  result.set_rows(result.rows() + digest.rows.size());
  result.set_missing(result.missing() + missing);
  result.set_different(result.different() + found.to_mend.size() - missing);
  result.set_extra(result.extra() + found.extra);
  return found;
}

}  // namespace tributary
