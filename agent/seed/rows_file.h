// The rows of one table on a disk: COPY text, compressed. `zstd -dc` prints it.
//
//   file  = piece*
//   piece = 0x184D2A50 | 8 | bytes of the frame | bytes of its content   (four u32, little-endian: a skippable frame)
//           one zstd frame, with a checksum: whole lines, about 4 MiB, or one line that is longer
//
// https://github.com/facebook/zstd/blob/dev/doc/zstd_compression_format.md, "Skippable Frames"
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "seed/manifest.h"
#include "seed/new_file.h"
#include "wire/sha256.h"

namespace tributary {

class RowsWriter {
 public:
  explicit RowsWriter(const std::filesystem::path& path) : file_(path) {}

  void add(std::string_view line);
  // Into the manifest: rows, bytes, checksum. The last call.
  void finish(SeedTable& table);
  uint64_t rows() const { return rows_; }
  uint64_t bytes() const { return bytes_; }  // on the disk

 private:
  void write_piece();

  NewFile file_;
  Sha256 sha256_;
  std::string lines_;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
};

class RowsReader {
 public:
  explicit RowsReader(const std::filesystem::path& path);  // throws Error(resource)

  // The next piece's lines; "" at the end. Throws Error(protocol) when the file is damaged.
  std::string next();

 private:
  std::string read(size_t bytes);

  std::filesystem::path path_;
  std::ifstream file_;
};

// Throws Error(protocol) when the file is not the manifest's. `progress` is told the bytes read so far.
void check_rows_file(const std::filesystem::path& directory, const SeedTable& table,
                     const std::function<void(uint64_t)>& progress);

}  // namespace tributary
