// What a person has paused at this node: its sending, or tables whose changes do not go to the parent meanwhile. Kept
// in the queue, so that it outlives the agent.
//
//   commands, TablePauses ─change─▶ queue's note ─▶ in force ─▶ capture, uplink
//
// A table's pause ends in two steps: a person says so (`resume`), and then a place of the stream from which on its
// changes are in it again (flow/table_pauses.h). Only that takes the table out of what is paused: until there, its
// changes may have been left out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/signal.h"
#include "base/turns.h"
#include "base/worker.h"
#include "change/position.h"
#include "queue/queue.h"

namespace tributary {

inline constexpr char kPausesNote[] = "pauses";  // of Queue::note

// A place of a stream.
struct StreamPlace {
  Uuid stream;
  uint64_t seq = 0;
  friend bool operator==(const StreamPlace&, const StreamPlace&) = default;
};

class Pauses {
 public:
  struct Table {
    int64_t since = 0;  // Unix time in milliseconds; tells a table's pauses apart
    bool is_ending = false;
    friend bool operator==(const Table&, const Table&) = default;
  };
  struct All {
    int64_t sending_since = 0;            // Unix time in milliseconds; 0: not paused
    std::map<std::string, Table> tables;  // by "schema.table"
    // Where tables came into the stream again, with what has the parent compare them.
    std::map<std::string, StreamPlace> resumed;

    // Since when the table is paused already; 0: it is from now on. One that is about to end becomes another pause.
    int64_t pause(const std::string& table, int64_t now);
    bool resume(const std::string& table);  // false: it is not paused
    bool is_ending(const std::string& table, int64_t since) const;
    // That pause is over, unless it became another one. No place: the table is not sent any more.
    void end(const std::string& table, int64_t since, const std::optional<StreamPlace>& place);

    // As the queue keeps it (proto/memory.proto). Throws Error(protocol) when it cannot be read.
    std::string memory() const;
    static All from(const std::string& memory);
    friend bool operator==(const All&, const All&) = default;
  };

  explicit Pauses(const asio::any_io_executor& executor) : for_capture_(executor), for_uplink_(executor) {}

  // The queue is open: what it keeps is in force, or what is in force it keeps from now on, if it took the place of a
  // damaged one.
  Task<> keep_in(Queue& queue, Worker& writer);
  void leave_queue() { queue_ = nullptr, writer_ = nullptr; }

  // Writes down what `change` makes of what is paused at its turn; only then it is in force. Changes follow each other,
  // none sees or overwrites half of another; one that is cancelled is either written down and in force, or neither.
  // Throws Error(resource) while the queue is not open.
  Task<> change(std::function<void(All&)> change);

  const All& all() const { return all_; }
  int64_t sending_since() const { return all_.sending_since; }
  bool has(const std::string& table) const { return all_.tables.contains(table); }
  bool is_ending(const std::string& table) const {
    const auto found = all_.tables.find(table);
    return found != all_.tables.end() && found->second.is_ending;
  }
  std::set<std::string> tables() const;

  // Notified when something is in force; each has one waiter.
  Signal& for_capture() { return for_capture_; }
  Signal& for_uplink() { return for_uplink_; }

 private:
  void set(All all);

  All all_;
  bool is_known_ = false;
  Queue* queue_ = nullptr;  // while it is open
  Worker* writer_ = nullptr;
  Turns turns_;
  Signal for_capture_;
  Signal for_uplink_;
};

}  // namespace tributary
