// The most log that a way's slot has kept at the district, from the beginning to the end of this object.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "bench/way.h"

namespace tributary::test {

class RetainedWal {
 public:
  explicit RetainedWal(Way& way) : way_(way), sql_(way.conninfo(kDistrict)), thread_([this] { watch(); }) {}
  ~RetainedWal() { stop(); }
  int64_t stop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return most_;
  }

 private:
  void watch() {
    while (!is_stopping_) {
      try {
        most_ = std::max(most_, way_.retained_wal_bytes(sql_));
      } catch (const SqlError&) {
        return;  // the way itself will say what is wrong with the server
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }

  Way& way_;
  Sql sql_;
  std::atomic<bool> is_stopping_ = false;
  int64_t most_ = 0;
  std::thread thread_;
};

}  // namespace tributary::test
