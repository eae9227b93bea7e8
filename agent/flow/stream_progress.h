// How far capture has brought the write-ahead log into this node's stream, and since when. Capture writes it; it
// outlives capture's runs. What is asked of it: is everything that was committed before some place of the log applied
// at a node above, and how old is what is not.
//
// Pure.
#pragma once

#include <deque>
#include <set>
#include <string>

#include "change/position.h"

namespace tributary {

class StreamProgress {
 public:
  // A run begins: all that was committed before `log` lies in the stream up to `head`. `committed_at`: when the last of
  // it was, by the source's clock, Unix time in milliseconds.
  // `held`: tables ("schema.table") that are left out of the stream.
  void begin_run(Lsn log, const Position& head, int64_t committed_at, std::set<std::string> held = {});
  // More of it does, now. Transactions of an earlier run that had not reached the disk may have got other numbers.
  void captured(Lsn log, const Position& head, int64_t now);

  uint64_t run() const { return run_; }  // 0: there was none yet
  Lsn log() const { return log_; }
  const Position& head() const { return head_; }
  const std::set<std::string>& held() const { return held_; }
  // Age of the first change behind transaction `seq` of the stream; 0: there is none. At most a tenth of a second more
  // than it is, and after a long time without an answer a part of it more.
  double seconds_behind(uint64_t seq, int64_t now) const;

 private:
  // Transactions up to `seq`, the first of them captured at `since`.
  struct Captured {
    uint64_t seq = 0;
    int64_t since = 0;
  };
  uint64_t run_ = 0;
  Lsn log_;
  Position head_;
  std::set<std::string> held_;
  std::deque<Captured> times_;
};

}  // namespace tributary
