// What a person has paused at this node: its sending, or tables whose changes do not go to the parent meanwhile. Kept
// in the queue, so that it outlives the agent; whoever changes it writes memory() there first, and only then `set`s it.
//
// A table's pause ends in two steps: a person says so (`is_ending`), and then a place of the stream from which on its
// changes are in it again (flow/table_pauses.h).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/signal.h"

namespace tributary {

inline constexpr char kPausesNote[] = "pauses";  // of Queue::note

class Pauses {
 public:
  struct Table {
    int64_t since = 0;  // Unix time in milliseconds
    bool is_ending = false;
    friend bool operator==(const Table&, const Table&) = default;
  };
  struct All {
    int64_t sending_since = 0;            // Unix time in milliseconds; 0: not paused
    std::map<std::string, Table> tables;  // by "schema.table"

    // As the queue keeps it (proto/memory.proto). Throws Error(protocol) when it cannot be read.
    std::string memory() const;
    static All from(const std::string& memory);
    friend bool operator==(const All&, const All&) = default;
  };

  explicit Pauses(const asio::any_io_executor& executor) : for_capture_(executor), for_uplink_(executor) {}

  const All& all() const { return all_; }
  void set(All all);
  // Whether `set` was called: what the queue keeps is known.
  bool is_known() const { return is_known_; }

  int64_t sending_since() const { return all_.sending_since; }
  bool has(const std::string& table) const { return all_.tables.contains(table); }
  bool is_ending(const std::string& table) const {
    const auto found = all_.tables.find(table);
    return found != all_.tables.end() && found->second.is_ending;
  }
  std::set<std::string> tables() const;

  // Notified when something was set; each has one waiter.
  Signal& for_capture() { return for_capture_; }
  Signal& for_uplink() { return for_uplink_; }

 private:
  All all_;
  bool is_known_ = false;
  Signal for_capture_;
  Signal for_uplink_;
};

}  // namespace tributary
