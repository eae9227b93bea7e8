// Disk space held back beside the queue, so that a full disk can still be worked on: SQLite needs space even to delete.
// When the disk is full the file is given up, room is made, and it is made again before anything new is stored.
#pragma once

#include <cstdint>
#include <string>

namespace tributary {

class Ballast {
 public:
  Ballast(std::string path, uint64_t bytes);

  // Really allocates the file, or a quarter of it where there is no space for all (the rest when there is, at the next
  // call). False: not even that.
  bool make();
  void release();
  bool is_made() const { return made_bytes_ > 0 || bytes_ == 0; }

 private:
  bool grow_to(uint64_t bytes);

  std::string path_;
  uint64_t bytes_;
  uint64_t made_bytes_ = 0;
};

}  // namespace tributary
