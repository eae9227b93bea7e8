// A file that gets its name only when all of it is on the disk; until then it is NAME.partial. Readable by its owner
// alone.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace tributary {

class NewFile {
 public:
  explicit NewFile(std::filesystem::path path);  // throws Error(resource), as all of it does
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::string_view bytes);
  void finish();

 private:
  Error failure(const char* what) const;

  std::filesystem::path path_, partial_;
  int file_;
};

}  // namespace tributary
