// How far a child's refresh has walked each of its tables here, and which keys are stale: tributary.walk and
// tributary.stale. Written in the transaction that applies the chunk, with the position. What lies behind the key that
// a walk has come to is only as old as the stream that brought it: rows may be missing there, or be older ones.
//
// What the child has to hear of it beside the applied position is gathered here as news.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apply/ownership.h"
#include "apply/statements.h"
#include "change/chunk.h"
#include "change/want.h"

namespace tributary {

struct Walk {
  bool is_complete = false;
  std::string walked_to;               // the last key (change/chunk.h); empty: none
  bool wants_rows = false;             // digests are of no use
  bool may_delete_extra = false;       // a person said so: however many they are
  uint64_t deleted = 0;                // rows that the child did not have, or that were in the way of others
  uint64_t kept = 0;                   // rows that the child does not have, and that were not deleted
  bool has_listed = false;             // rows in tributary.extra, also before the walk is at its end
  std::string reason = {}, hint = {};  // why the table cannot be written
  uint64_t rows = 0;                   // that came
  bool is_requested = false;           // by a person (request_walk), and not begun; true below: what is extra may go
  bool deletes_requested = false;
  std::string key_columns = {};  // as Shape has them: of walked_to, and of what is stale or listed; empty: not known
  // Before the walk, where nothing was here: rows come by the pages of the child's file, from this one on.
  std::optional<uint64_t> next_page = {};
  bool is_loaded = false;  // they have all come so
  // Nothing of the table has been refreshed: all of it is still to come.
  bool is_at_beginning() const { return !is_complete && walked_to.empty(); }
  friend bool operator==(const Walk&, const Walk&) = default;
};

// What a person should know of a child's table.
struct TableAttention {
  std::string table;
  std::string message;
  std::string hint;
  friend bool operator==(const TableAttention&, const TableAttention&) = default;
};

class Walks {
 public:
  // Read after the applied position, so that they are not older. Throws Error(setup) when the database was not
  // prepared.
  Task<> load(Connection& connection, std::string child);
  // Again, after statements that changed it in the database alone (kept, has_listed); what is kept is news.
  void set_outdated() { is_outdated_ = true; }
  Task<> load_if_outdated(Connection& connection, std::string child);
  bool is_loaded() const { return state_.has_value(); }
  void clear() {  // nothing was ever walked
    state_.emplace();
    ++version_;
  }
  void forget() {  // what is there, not the news
    state_.reset();
    ++version_;
  }

  // `table`: "schema.table". A table that was never walked has an empty walk.
  const Walk& of(const std::string& table) const;
  bool has(const std::string& table) const { return state_->walks.contains(table); }
  // No other child has a position here.
  bool is_alone() const { return state_->is_alone; }
  // The child is told.
  void set(const std::string& table, Walk walk) {
    state_->walks[table] = std::move(walk);
    tell(table);
    ++version_;
  }
  // It need not hear of this.
  void set_key_columns(const std::string& table, std::string columns) {
    state_->walks[table].key_columns = std::move(columns);
  }
  std::vector<std::string> tables() const;  // that were ever walked in this stream
  const Ownership& ownership(const std::string& table) const;
  void set_ownership(const std::string& table, Ownership ownership);  // the child is told
  const std::map<std::string, Ownership>& ownerships() const { return state_->ownerships; }
  void add_left_out(const std::map<std::string, uint64_t>& deletes);  // by table
  // Tables of which all rows are here that the child has: walked, nothing of them stale or to be compared.
  std::set<std::string> settled() const;
  uint64_t version() const { return version_; }  // another one: perhaps others are settled
  // The tables that cannot be written, and why.
  std::map<std::string, Walk> troubles() const;
  bool has_trouble() const { return !troubles().empty(); }
  // The tables that a person wants refreshed from the beginning; true: what is extra may go.
  std::map<std::string, bool> requested() const;

  bool has_stale() const { return state_ && !state_->stale.empty(); }
  bool has_stale(const std::string& table) const { return state_->stale.contains(table); }
  bool is_stale(const std::string& table, const std::string& key) const;
  std::vector<std::string> stale_keys(const std::string& table) const;
  uint32_t ways_made(const std::string& table, const std::string& key) const;  // see schema/parent.sql; 0: not stale
  void add_stale(const std::string& table, const std::string& key, uint32_t ways_made = 0);  // the child is told
  void remove_stale(const std::string& table, const std::string& key);
  void remove_stale(const std::string& table) {
    state_->stale.erase(table);
    ++version_;
  }

  // What the child is to hear once it is committed.
  void tell(const std::string& table) { news_.tables.insert(table); }
  void tell(Comparison comparison);
  void tell(const StaleKey& key) { news_.keys.insert({key.table, key.key}); }
  void add_news(const Walks& other);
  bool has_news() const { return !news_.is_empty(); }
  // The news, as true at the applied position `at`; empty where there is none. What is not committed yet is kept.
  Want take_news(const Position& at);
  // What a person should know.
  std::vector<TableAttention> attentions(const std::string& child) const;
  // Everything.
  Want all(const Position& at) const;

 private:
  struct State {
    std::map<std::string, Walk> walks;
    std::map<std::string, std::map<std::string, uint32_t>> stale;  // keys by table; only of tables that have some
    std::map<std::string, Ownership> ownerships;
    bool is_alone = true;
  };
  struct News {
    std::set<std::string> tables;
    std::set<std::pair<std::string, std::string>> keys;  // table and key, which may not be stale any more
    std::vector<Comparison> comparisons;
    bool is_empty() const { return tables.empty() && keys.empty() && comparisons.empty(); }
  };
  std::optional<State> state_;
  bool is_outdated_ = false;
  uint64_t version_ = 0;
  News news_;
};

// "\x0a1b", as PostgreSQL writes a bytea.
std::string bytes_of_text(std::string_view hex);

// One step of a table's walk.
struct WalkStep {
  Walk walk;  // after it
  bool is_beginning = false;
  uint64_t rows = 0;  // that came
  void take_rows(uint64_t count) {
    rows += count;
    walk.rows += count;
  }
};
// The step over the range (after, up_to]; without `after` the walk begins anew. nullopt: the range does not follow (the
// walk was taken back here, and the child had not heard of it); it is to be left out, and the child told.
std::optional<WalkStep> step_over(const Walk& walk, const std::optional<std::string_view>& after,
                                  const std::optional<std::string_view>& up_to, bool may_delete_extra);
// The step over these pages; nullopt: they do not follow, as above.
std::optional<WalkStep> step_through(const Walk& walk, const Pages& pages);
// The step over a chunk's range or pages.
std::optional<WalkStep> step_of(const Walk& walk, const ChunkView& chunk);
// The step that a digest of (after, ...) makes before it is compared.
std::optional<WalkStep> step_to(const Walk& walk, const std::optional<std::string_view>& after, bool may_delete_extra);

// Takes the walk back to its beginning.
WalkStep step_back(const Walk& walk, bool may_delete_extra);

void add_walked(StatementList& out, const std::string& child, const std::string& table, const WalkStep& step);
// The walk of one table begins anew, by what is known here; `reason` and `hint`: why it has to wait. Nothing of the
// table is stale any more.
void add_walk_anew(StatementList& out, Walks& walks, const std::string& child, const std::string& table,
                   const std::string& reason = {}, const std::string& hint = {});
// Nothing of the table is stale any more.
void add_forget_stale(StatementList& out, Walks& walks, const std::string& child, const std::string& table);
// Whether the table's key was made of other columns, or of other types, when the walk was written down.
inline bool is_key_changed(const Walk& walk, const std::string& key_columns) {
  return !walk.key_columns.empty() && walk.key_columns != key_columns;
}
// A change comes under this key. Where another one is known, and something is written down in terms of it (how far an
// incomplete walk is, what is stale or listed), the walk begins anew.
void add_known_key(StatementList& out, Walks& walks, const std::string& child, const std::string& table,
                   const std::string& key_columns);
// For a walk that begins: what its last one listed in tributary.extra.
void add_forget_listed(StatementList& out, const std::string& child, const std::string& table);
// So many rows more were deleted, beside a step of the walk.
void add_deleted(StatementList& out, const std::string& child, const std::string& table, uint64_t rows);
// Writes down that a person wants the table refreshed from its beginning, whether or not the child is connected; the
// lane begins it. False: the child has sent nothing of that table, and will send all of it.
Task<bool> request_walk(Connection& connection, std::string child, std::string table, bool may_delete_extra);
// It is begun. A wish for more that was written down meanwhile stays.
void add_request_met(StatementList& out, const std::string& child, const std::string& table, bool may_delete_extra);
// All walks of the child begin anew, and nothing is stale.
void add_forget_walks(StatementList& out, const std::string& child);

}  // namespace tributary
