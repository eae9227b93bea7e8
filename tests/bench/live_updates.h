// A light stream of changes beside something else, and how long each takes until the parent shows it.
//
// One session changes a document at a steady pace, another one each time, and notes when each COMMIT returned. Another
// asks the parent for those that are not there yet, the oldest 200, every 5 ms or every sixteenth of the oldest one's
// age: the figures are upper bounds.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "bench/percentiles.h"
#include "bench/threads.h"

namespace tributary::test {

class Sql;

class LiveUpdates {
 public:
  // Begins at once. Documents number 1 to `documents` are at `source`.
  LiveUpdates(std::string source, std::string parent, int documents, int updates_per_second);
  ~LiveUpdates();
  LiveUpdates(const LiveUpdates&) = delete;
  LiveUpdates& operator=(const LiveUpdates&) = delete;

  // No more are written; throws what the writer met.
  void stop_writing();
  // From the return of COMMIT until visible. Waits for those under way; throws when one does not come in half a minute.
  Percentiles milliseconds();

 private:
  using Clock = std::chrono::steady_clock;
  struct Update {
    int number;
    Clock::time_point returned;
  };

  void write(int updates_per_second);
  void watch();
  // Takes those that are visible out of `under_way`; whether all that were asked for are.
  bool take_visible(Sql& sql, std::vector<Update>& under_way);

  const std::string source_;
  const std::string parent_;
  const int documents_;
  std::atomic<bool> is_written_ = false;
  std::atomic<bool> is_given_up_ = false;
  std::mutex mutex_;
  std::vector<Update> committed_;     // not yet taken by the watcher
  std::vector<double> milliseconds_;  // the watcher's
  Threads writing_;
  Threads watching_;
};

}  // namespace tributary::test
