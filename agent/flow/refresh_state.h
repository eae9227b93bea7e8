// What a refresh remembers, over runs of capture and sessions with the parent: what the parent said, and what a person,
// or the clock, wants to be compared. What is wanted, and what came of it, outlives the agent: its owner keeps memory()
// in the queue, and gives it back with recall().
#pragma once

#include <status.pb.h>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/signal.h"
#include "config/config.h"
#include "flow/parent_view.h"

namespace tributary {

// A comparison of tables with the parent's, row by row.
struct VerifyOrder {
  std::vector<std::string> tables;  // "schema.table"
  bool repairs = false;             // what differs is mended
  bool deletes_extra = false;       // also rows that only the parent has, however many they are
  bool is_of_all = false;           // the tables are all that this node sends
  bool shows_values = false;        // of rows that differ; not after a restart
};

// How far a table is compared, while it is not to its end.
struct ComparedPlace {
  std::string table;
  uint64_t shape_id = 0;
  std::string after;  // the last key
};

constexpr char kRefreshNote[] = "refresh";  // in the queue

class RefreshState {
 public:
  explicit RefreshState(const asio::any_io_executor& executor, std::function<int64_t()> now = unix_milliseconds_now)
      : now_(std::move(now)), wish_(executor) {}

  ParentView& parent() { return parent_; }
  const ParentView& parent() const { return parent_; }

  // --- comparisons that a person, or the clock, ordered ---
  // Why it cannot be done now, or nothing. A new one replaces the results of the one before.
  std::string begin_verification(VerifyOrder order);
  // What has been compared so far stays in the results. False: there is none.
  bool cancel_verification();
  const std::optional<VerifyOrder>& order() const { return order_; }
  uint64_t order_number() const { return order_ ? number_ : 0; }  // 0: none
  void end_verification();

  const status::Verification& verification() const { return verification_; }
  // The last result of each table that was compared to its end.
  const std::map<std::string, status::VerifiedTable>& verified() const { return verified_; }
  // What has become of a table, if that order is still the one under way; `place`: where it goes on.
  void store(uint64_t order, const status::VerifiedTable& table, std::optional<ComparedPlace> place = std::nullopt);
  const std::optional<ComparedPlace>& place() const { return place_; }
  void add_difference(status::Difference difference);
  // Of one of them.
  void set_columns(const status::Difference& difference, const std::vector<status::DifferentColumn>& columns);
  void forget_differences(const std::string& table);
  const std::vector<status::Difference>& differences() const { return differences_; }
  // When all tables were last compared, or when this node was first asked for it; Unix time in milliseconds.
  int64_t regular_since() const { return regular_since_; }

  // Of reading for a refresh, as they are in force.
  RefreshConfig limits;
  // Names a child of this node of whose rows of a table not all may be here; "": they are. Not set: it has no children.
  std::function<std::string(const std::string& table)> awaited_child;
  std::string awaited(const std::string& table) const { return awaited_child ? awaited_child(table) : ""; }

  // --- tables that are to be walked although they were, and such as are to be compared and mended by themselves ---
  // `may_delete_extra`: rows that only the parent has may go, however many they are. `by_order`: for the one under way.
  void want_walk(const std::string& table, bool may_delete_extra, bool by_order = false);
  std::optional<bool> wanted_walk(const std::string& table) const;  // whether extra rows may go
  void forget_walk(const std::string& table);
  void want_comparison(const std::string& table);
  bool is_comparison_wanted(const std::string& table) const { return to_be_compared_.contains(table); }
  bool has_wanted_comparisons() const { return !to_be_compared_.empty(); }
  void forget_comparison(const std::string& table);
  // Whether a person stopped the walk of this table where the parent says that it is. It goes on with the next order
  // that mends the table; what the parent itself takes back to the beginning is walked all the same.
  bool is_walk_cancelled(const std::string& table) const;
  // Walks that were cancelled, and of which the parent's answers to all that was placed have to be heard yet.
  bool has_unsettled_walks() const;
  void settle_cancelled_walks();  // they have been

  // --- what outlives the agent ---
  // Once, before anything is ordered; what cannot be read is as if there were nothing.
  void recall(const std::string& memory);
  bool is_recalled() const { return is_recalled_; }
  std::string memory() const;
  uint64_t version() const { return version_; }  // of memory()
  void set_stored(uint64_t version) { stored_ = std::max(stored_, version); }
  // Whether something is wanted, or not any more, that is not stored yet.
  bool has_new_wish() const { return wish_version_ > stored_; }
  Signal& wish() { return wish_; }  // there is one

 private:
  void note_wish() {
    wish_version_ = ++version_;
    wish_.notify();
  }

  ParentView parent_;
  std::function<int64_t()> now_;
  std::optional<VerifyOrder> order_;
  uint64_t number_ = 0;
  status::Verification verification_;
  std::map<std::string, status::VerifiedTable> verified_;
  std::optional<ComparedPlace> place_;
  std::vector<status::Difference> differences_;
  int64_t regular_since_ = 0;

  std::map<std::string, bool> to_be_walked_;
  std::set<std::string> ordered_walks_;  // walks of the order under way, begun or not
  std::set<std::string> to_be_compared_;
  struct CancelledWalk {
    Uuid stream;
    std::optional<std::string> walked_to;  // nullopt: not settled
  };
  std::map<std::string, CancelledWalk> cancelled_walks_;

  bool is_recalled_ = false;
  uint64_t version_ = 0, stored_ = 0, wish_version_ = 0;
  Signal wish_;
};

}  // namespace tributary
