#include "apply/walks.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace tributary {
namespace {

Walk walk_of(const Result& row, int i) {
  Walk walk;
  walk.is_complete = row.boolean(i, 1);
  walk.walked_to = bytes_of_text(row.value(i, 2));
  walk.wants_rows = row.boolean(i, 3);
  walk.may_delete_extra = row.boolean(i, 4);
  walk.deleted = static_cast<uint64_t>(row.integer(i, 5));
  walk.kept = static_cast<uint64_t>(row.integer(i, 6));
  walk.reason = row.text(i, 7);
  walk.hint = row.text(i, 8);
  walk.has_listed = row.boolean(i, 9);
  walk.rows = static_cast<uint64_t>(row.integer(i, 10));
  walk.is_requested = row.boolean(i, 11);
  walk.deletes_requested = row.boolean(i, 12);
  walk.key_columns = row.text(i, 13);
  if (!row.is_null(i, 14)) walk.next_page = static_cast<uint64_t>(row.integer(i, 14));
  walk.is_loaded = row.boolean(i, 15);
  return walk;
}

TableState state_of(const std::string& table, const Walk& walk, const Ownership& ownership) {
  TableState state{table,       walk.is_complete, walk.walked_to, walk.wants_rows, walk.kept,
                   walk.reason, walk.hint,        walk.rows,      walk.next_page,  walk.is_loaded};
  state.to_be_compared = ownership.to_be_compared;
  return state;
}

}  // namespace

std::string bytes_of_text(std::string_view hex) {
  std::string bytes;
  for (size_t i = 2; i + 1 < hex.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

Task<> Walks::load(Connection& connection, std::string child) {
  if (state_) co_return;
  std::vector<std::optional<std::string>> params;
  params.emplace_back(std::move(child));
  State state;
  try {
    const Result walks = co_await connection.execute(
        "SELECT table_name, is_complete, walked_to, wants_rows, may_delete_extra, deleted, kept, reason, hint,"
        " EXISTS (SELECT FROM tributary.extra e WHERE e.child = w.child AND e.table_name = w.table_name), rows,"
        " is_requested, deletes_requested, key_columns, next_page, is_loaded"
        " FROM tributary.walk w WHERE child = $1",
        params);
    for (int i = 0; i < walks.rows(); ++i) state.walks[walks.text(i, 0)] = walk_of(walks, i);
    const Result stale =
        co_await connection.execute("SELECT table_name, key, ways_made FROM tributary.stale WHERE child = $1", params);
    for (int i = 0; i < stale.rows(); ++i)
      state.stale[stale.text(i, 0)][bytes_of_text(stale.value(i, 1))] = static_cast<uint32_t>(stale.integer(i, 2));
    const Result ownerships = co_await connection.execute(
        "SELECT table_name, condition, to_be_compared, deletes_left_out FROM tributary.ownership WHERE child = $1",
        params);
    for (int i = 0; i < ownerships.rows(); ++i)
      state.ownerships[ownerships.text(i, 0)] = {ownerships.text(i, 1), ownerships.boolean(i, 2),
                                                 static_cast<uint64_t>(ownerships.integer(i, 3))};
    const Result others =
        co_await connection.execute("SELECT NOT EXISTS (SELECT FROM tributary.applied WHERE child <> $1)", params);
    state.is_alone = others.boolean(0, 0);
  } catch (const Error& error) {
    const std::string& state_text = error.sqlstate();
    if (state_text != "42P01" && state_text != "42501" && state_text != "3F000" && state_text != "42703") throw;
    throw Error(ErrorKind::setup, "what was refreshed here cannot be read: " + error.message(),
                "Prepare the database with `tributary init`, after an upgrade too.", error.sqlstate());
  }
  state_ = std::move(state);
  ++version_;
  is_outdated_ = false;
}

Task<> Walks::load_if_outdated(Connection& connection, std::string child) {
  if (!is_outdated_) co_return;
  const State before = std::move(*std::exchange(state_, std::nullopt));
  co_await load(connection, std::move(child));
  for (const auto& [table, walk] : state_->walks) {
    const auto found = before.walks.find(table);
    if (found != before.walks.end() && found->second.kept != walk.kept) tell(table);
  }
}

const Walk& Walks::of(const std::string& table) const {
  static const Walk kNone;
  const auto found = state_->walks.find(table);
  return found == state_->walks.end() ? kNone : found->second;
}

std::vector<std::string> Walks::tables() const {
  std::vector<std::string> tables;
  for (const auto& [table, walk] : state_->walks) tables.push_back(table);
  return tables;
}

const Ownership& Walks::ownership(const std::string& table) const {
  static const Ownership kUnknown;
  const auto found = state_->ownerships.find(table);
  return found == state_->ownerships.end() ? kUnknown : found->second;
}

void Walks::set_ownership(const std::string& table, Ownership ownership) {
  state_->ownerships[table] = std::move(ownership);
  tell(table);
  ++version_;
}

void Walks::add_left_out(const std::map<std::string, uint64_t>& deletes) {
  for (const auto& [table, count] : deletes) state_->ownerships[table].deletes_left_out += count;
}

std::set<std::string> Walks::settled() const {
  std::set<std::string> settled;
  for (const auto& [table, walk] : state_->walks)
    if (walk.is_complete && walk.reason.empty() && !has_stale(table) && !ownership(table).to_be_compared)
      settled.insert(table);
  return settled;
}

std::map<std::string, Walk> Walks::troubles() const {
  std::map<std::string, Walk> troubles;
  if (!state_) return troubles;
  for (const auto& [table, walk] : state_->walks)
    if (!walk.reason.empty()) troubles.emplace(table, walk);
  return troubles;
}

std::map<std::string, bool> Walks::requested() const {
  std::map<std::string, bool> requested;
  for (const auto& [table, walk] : state_->walks)
    if (walk.is_requested) requested[table] = walk.deletes_requested;
  return requested;
}

bool Walks::is_stale(const std::string& table, const std::string& key) const {
  const auto found = state_->stale.find(table);
  return found != state_->stale.end() && found->second.contains(key);
}

std::vector<std::string> Walks::stale_keys(const std::string& table) const {
  std::vector<std::string> keys;
  if (const auto found = state_->stale.find(table); found != state_->stale.end())
    for (const auto& [key, ways_made] : found->second) keys.push_back(key);
  return keys;
}

uint32_t Walks::ways_made(const std::string& table, const std::string& key) const {
  const auto found = state_->stale.find(table);
  if (found == state_->stale.end()) return 0;
  const auto stale = found->second.find(key);
  return stale == found->second.end() ? 0 : stale->second;
}

void Walks::add_stale(const std::string& table, const std::string& key, uint32_t ways_made) {
  state_->stale[table][key] = ways_made;
  ++version_;
  tell(StaleKey{table, key});
}

void Walks::remove_stale(const std::string& table, const std::string& key) {
  const auto found = state_->stale.find(table);
  if (found == state_->stale.end()) return;
  found->second.erase(key);
  ++version_;
  if (found->second.empty()) state_->stale.erase(found);
}

void Walks::tell(Comparison comparison) {
  std::erase_if(news_.comparisons, [&](const Comparison& other) {
    return other.table == comparison.table && other.seq == comparison.seq;
  });
  news_.comparisons.push_back(std::move(comparison));
}

void Walks::add_news(const Walks& other) {
  news_.tables.insert(other.news_.tables.begin(), other.news_.tables.end());
  news_.keys.insert(other.news_.keys.begin(), other.news_.keys.end());
  for (const Comparison& comparison : other.news_.comparisons) tell(comparison);
}

Want Walks::take_news(const Position& at) {
  Want want;
  want.at = at;
  for (const std::string& table : news_.tables) want.tables.push_back(state_of(table, of(table), ownership(table)));
  news_.tables.clear();
  for (const auto& [table, key] : std::exchange(news_.keys, {}))
    if (is_stale(table, key)) want.keys.push_back({table, key});
  const auto later = std::stable_partition(news_.comparisons.begin(), news_.comparisons.end(),
                                           [&](const Comparison& comparison) { return comparison.seq <= at.seq; });
  std::move(news_.comparisons.begin(), later, std::back_inserter(want.comparisons));
  news_.comparisons.erase(news_.comparisons.begin(), later);
  return want;
}

Want Walks::all(const Position& at) const {
  Want want;
  want.at = at;
  for (const auto& [table, walk] : state_->walks) want.tables.push_back(state_of(table, walk, ownership(table)));
  for (const auto& [table, keys] : state_->stale)
    for (const auto& [key, ways_made] : keys) want.keys.push_back({table, key});
  return want;
}

std::vector<TableAttention> Walks::attentions(const std::string& child) const {
  std::vector<TableAttention> attentions;
  for (const auto& [table, walk] : state_->walks) {
    if (!walk.reason.empty())
      attentions.push_back({table, walk.reason + "; what changes in the table is left out until it fits", walk.hint});
    if (walk.kept == 0) continue;
    if (ownership(table).to_be_compared) {
      attentions.push_back(
          {table,
           std::to_string(walk.kept) + " rows of table " + table + " are kept that " + child +
               " does not have: it has not all that its own children send",
           "When it has, it compares the table by itself; `tributary status` there says which child it "
           "waits for."});
      continue;
    }
    attentions.push_back({table,
                          std::to_string(walk.kept) + " rows of table " + table + " that " + child +
                              " does not have are kept: tributary.extra names them",
                          "`tributary resync " + table + " --delete-extra` at " + child +
                              " deletes them here; if the child should have them, bring them back there."});
  }
  return attentions;
}

WalkStep step_back(const Walk& walk, bool may_delete_extra) {
  WalkStep step;
  step.is_beginning = true;
  step.walk.may_delete_extra = walk.may_delete_extra || may_delete_extra;
  step.walk.reason = walk.reason;
  step.walk.hint = walk.hint;
  step.walk.key_columns = walk.key_columns;
  return step;
}

std::optional<WalkStep> step_through(const Walk& walk, const Pages& pages) {
  if (walk.next_page != pages.begin || pages.end < pages.begin) return std::nullopt;
  WalkStep step;
  step.walk = walk;
  step.walk.is_loaded = pages.are_last;
  step.walk.wants_rows = !pages.are_last;
  step.walk.next_page = pages.end;
  if (pages.are_last) step.walk.next_page.reset();
  return step;
}

std::optional<WalkStep> step_of(const Walk& walk, const ChunkView& chunk) {
  if (chunk.pages) return step_through(walk, *chunk.pages);
  return step_over(walk, chunk.after, chunk.up_to, chunk.may_delete_extra);
}

std::optional<WalkStep> step_to(const Walk& walk, const std::optional<std::string_view>& after, bool may_delete_extra) {
  if (!after) return step_back(walk, may_delete_extra);
  if (walk.is_complete || *after != walk.walked_to) return std::nullopt;
  WalkStep step;
  step.walk = walk;
  step.walk.may_delete_extra |= may_delete_extra;
  return step;
}

std::optional<WalkStep> step_over(const Walk& walk, const std::optional<std::string_view>& after,
                                  const std::optional<std::string_view>& up_to, bool may_delete_extra) {
  std::optional<WalkStep> step = step_to(walk, after, may_delete_extra);
  if (!step) return std::nullopt;
  step->walk.is_complete = !up_to;
  step->walk.walked_to = up_to.value_or("");
  step->walk.next_page.reset();
  return step;
}

void add_walked(StatementList& out, const std::string& child, const std::string& table, const WalkStep& step) {
  const Walk& walk = step.walk;
  const auto truth = [](bool is_true) { return std::string(is_true ? "true" : "false"); };
  std::vector<StatementList::Param> params;
  params.push_back({false, child});
  params.push_back({false, table});
  params.push_back({false, truth(walk.is_complete)});
  params.push_back({true, walk.walked_to});
  for (const uint64_t count : {step.rows, walk.deleted, walk.kept}) params.push_back({false, std::to_string(count)});
  for (const bool is_true : {walk.wants_rows, walk.may_delete_extra, step.is_beginning})
    params.push_back({false, truth(is_true)});
  for (const std::string& words : {walk.reason, walk.hint, walk.key_columns}) params.push_back({false, words});
  params.push_back({false, walk.next_page ? std::to_string(*walk.next_page) : ""});
  params.push_back({false, truth(walk.is_loaded)});
  out.add(
      "INSERT INTO tributary.walk AS w (child, table_name, is_complete, walked_to, rows, deleted, kept, wants_rows,"
      " may_delete_extra, reason, hint, key_columns, next_page, is_loaded) VALUES ($1::text, $2::text, $3::boolean,"
      " $4::bytea, $5::bigint, $6::bigint, $7::bigint, $8::boolean, $9::boolean, $11::text, $12::text, $13::text,"
      " nullif($14::text, '')::bigint, $15::boolean)"
      " ON CONFLICT (child, table_name) DO UPDATE SET is_complete = excluded.is_complete,"
      " walked_to = excluded.walked_to, rows = CASE WHEN $10::boolean THEN 0 ELSE w.rows END + excluded.rows,"
      " deleted = excluded.deleted, kept = excluded.kept, wants_rows = excluded.wants_rows, may_delete_extra = "
      "excluded.may_delete_extra, reason = excluded.reason,"
      " hint = excluded.hint, key_columns = excluded.key_columns, next_page = excluded.next_page,"
      " is_loaded = excluded.is_loaded, updated_at = now()",
      Expect::exactly, 1, std::move(params));
}

void add_forget_listed(StatementList& out, const std::string& child, const std::string& table) {
  std::vector<StatementList::Param> names;
  names.push_back({false, child});
  names.push_back({false, table});
  out.add("DELETE FROM tributary.extra WHERE child = $1::text AND table_name = $2::text", Expect::anything, 0,
          std::move(names));
}

void add_deleted(StatementList& out, const std::string& child, const std::string& table, uint64_t rows) {
  std::vector<StatementList::Param> params;
  params.push_back({false, child});
  params.push_back({false, table});
  params.push_back({false, std::to_string(rows)});
  out.add(
      "INSERT INTO tributary.walk AS w (child, table_name, is_complete, walked_to, rows, deleted, kept)"
      " VALUES ($1::text, $2::text, false, '', 0, $3::bigint, 0)"
      " ON CONFLICT (child, table_name) DO UPDATE SET deleted = w.deleted + excluded.deleted",
      Expect::exactly, 1, std::move(params));
}

void add_walk_anew(StatementList& out, Walks& walks, const std::string& child, const std::string& table,
                   const std::string& reason, const std::string& hint) {
  WalkStep step = step_back(walks.of(table), false);
  step.walk.reason = reason;
  step.walk.hint = hint;
  add_forget_listed(out, child, table);
  add_walked(out, child, table, step);
  walks.set(table, step.walk);
  add_forget_stale(out, walks, child, table);
}

void add_forget_stale(StatementList& out, Walks& walks, const std::string& child, const std::string& table) {
  if (!walks.has_stale(table)) return;
  std::vector<StatementList::Param> names;
  names.push_back({false, child});
  names.push_back({false, table});
  out.add("DELETE FROM tributary.stale WHERE child = $1::text AND table_name = $2::text", Expect::anything, 0,
          std::move(names));
  walks.remove_stale(table);
}

Task<bool> request_walk(Connection& connection, std::string child, std::string table, bool may_delete_extra) {
  std::vector<std::optional<std::string>> params;
  params.emplace_back(std::move(child));
  params.emplace_back(std::move(table));
  params.emplace_back(may_delete_extra ? "true" : "false");
  const Result updated = co_await connection.execute(
      "UPDATE tributary.walk SET is_requested = true, deletes_requested = deletes_requested OR $3::boolean"
      " WHERE child = $1 AND table_name = $2",
      std::move(params));
  co_return updated.affected() > 0;
}

void add_request_met(StatementList& out, const std::string& child, const std::string& table, bool may_delete_extra) {
  std::vector<StatementList::Param> params;
  params.push_back({false, child});
  params.push_back({false, table});
  params.push_back({false, may_delete_extra ? "true" : "false"});
  out.add(
      "UPDATE tributary.walk SET is_requested = false, deletes_requested = false WHERE child = $1::text"
      " AND table_name = $2::text AND is_requested AND ($3::boolean OR NOT deletes_requested)",
      Expect::anything, 0, std::move(params));
}

void add_known_key(StatementList& out, Walks& walks, const std::string& child, const std::string& table,
                   const std::string& key_columns) {
  const Walk& walk = walks.of(table);
  if (!is_key_changed(walk, key_columns)) return;
  const bool is_partial = !walk.is_complete && !walk.walked_to.empty();
  if (is_partial || walk.has_listed || walks.has_stale(table)) add_walk_anew(out, walks, child, table);
  std::vector<StatementList::Param> params;
  for (const std::string& text : {child, table, key_columns}) params.push_back({false, text});
  out.add("UPDATE tributary.walk SET key_columns = $3::text WHERE child = $1::text AND table_name = $2::text",
          Expect::exactly, 1, std::move(params));
  walks.set_key_columns(table, key_columns);
}

void add_forget_walks(StatementList& out, const std::string& child) {
  for (const char* table : {"walk", "stale", "extra"}) {
    std::vector<StatementList::Param> params;
    params.push_back({false, child});
    out.add(std::string("DELETE FROM tributary.") + table + " WHERE child = $1::text", Expect::anything, 0,
            std::move(params));
  }
}

}  // namespace tributary
