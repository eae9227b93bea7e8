// What the parent last said of this node's data (change/want.h): how far its tables are refreshed there, what is stale.
// Outlives sessions and runs of capture; uplink writes it, the refresh reads it. However much a parent says, what is
// kept of it is bounded: of the tables that this node sends, so many keys of each, and the last answers.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "change/want.h"

namespace tributary {

class ParentView {
 public:
  // Of a table. A parent names half as many at most; it is not told of those that the stream itself brought since.
  static constexpr size_t kKeysMax = 2000;
  static constexpr size_t kKeyBytesMax = 8 << 20;
  // One is waited for at a time, and nothing is asked after it.
  static constexpr size_t kComparisonsMax = 4;

  // The tables that this node sends, "schema.table": what is said of others from now on is not kept. Where they become
  // others, a session has to begin, so that the parent says everything of them.
  void set_tables(std::set<std::string> tables) { sent_ = std::move(tables); }
  // A session begins: `want` is all there is to say.
  void welcome(const Position& applied, const Want& want);
  void take(const Want& want);
  void applied(const Position& applied);
  void disconnected() { is_connected_ = false; }
  // Called after each of these.
  void on_change(std::function<void()> callback) { on_change_ = std::move(callback); }
  void wake() const { changed(); }

  bool is_connected() const { return is_connected_; }
  bool answers_inspections() const { return is_connected_ && answers_inspections_; }
  uint64_t sessions() const { return sessions_; }
  const Position& at() const { return at_; }
  // A table of which nothing was said was never refreshed.
  const TableState& table(const std::string& name) const;
  // The position of the stream of which it was said, as its sequence number.
  uint64_t said_at(const std::string& name) const;

  // Up to `max` stale keys of one of these tables that are not on their way; none: there are none. An empty key, which
  // no row has: there are so many that all of the table has to be walked.
  std::vector<StaleKey> stale_keys(size_t max, const std::set<std::string>& of_tables) const;
  size_t stale_count() const { return keys_.size(); }
  size_t stale_count(const std::string& table) const;
  // A refresh of these keys stands at this place of the stream; when it is applied they are not stale any more.
  void placed(const std::vector<StaleKey>& keys, uint64_t seq);
  // Those of a table that is to be walked instead.
  void forget_stale(const std::string& table) {
    std::erase_if(keys_, [&](const auto& key) { return key.first.first == table; });
  }
  // What was placed and is not applied may have been lost.
  void forget_placed();

  std::optional<Comparison> take_comparison(const std::string& table, uint64_t seq);

 private:
  struct Table {
    TableState state;
    uint64_t said_at = 0;
  };
  struct Key {
    uint64_t said_at = 0;
    uint64_t placed_at = 0;  // 0: not placed
  };
  void move_to(const Position& position);
  void store(const Want& want);
  void limit_keys(const std::string& table, uint64_t said_at);
  void changed() const {
    if (on_change_) on_change_();
  }

  bool is_connected_ = false;
  bool answers_inspections_ = false;
  uint64_t sessions_ = 0;
  Position at_;
  std::vector<Uuid> left_;  // streams of this session that others followed
  uint64_t welcomed_at_ = 0;
  std::set<std::string> sent_;
  std::map<std::string, Table> tables_;
  std::map<std::pair<std::string, std::string>, Key> keys_;  // by table and key
  std::deque<Comparison> comparisons_;
  std::function<void()> on_change_;
};

}  // namespace tributary
