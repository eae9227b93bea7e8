// How far a long command is: one line of the terminal that is written over. Elsewhere only what is said for good.
#pragma once

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <string>

namespace tributary {

class Progress {
 public:
  ~Progress() { wipe(); }

  // At most twice a second.
  void show(const std::string& text) {
    const auto now = std::chrono::steady_clock::now();
    if (!is_terminal_ || now - shown_ < std::chrono::milliseconds(500)) return;
    shown_ = now;
    wipe();
    std::cout << text << std::flush;
    is_shown_ = true;
  }
  void say(const std::string& line) {
    wipe();
    std::cout << line << std::endl;
  }

 private:
  void wipe() {
    if (is_shown_) std::cout << "\r\x1b[K" << std::flush;
    is_shown_ = false;
  }

  const bool is_terminal_ = isatty(STDOUT_FILENO) == 1;
  bool is_shown_ = false;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace tributary
