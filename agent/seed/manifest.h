// What an export is: one small text file, which a person can read and which is written last.
//
//   tributary-seed 1
//   node district-a
//   exported 2026-03-01T12:00:00Z
//   table public document
//     file 001.copy.zst 48211 <sha256>        its name, bytes and checksum
//     rows 1200
//     key id 2950 -1 -                        a column: name, type's oid, modifier and, of users, name
//     column status 16412 -1 public.status    # public.status
//   end
//
// Words are separated by blanks; in a word a blank, '%', '#' and control characters are written %20 and so on. What
// follows a '#' is for people only. Columns are in the order of the rows' values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "change/relation.h"

namespace tributary {

struct SeedTable {
  Relation relation;
  std::string file;    // a bare name
  uint64_t bytes = 0;  // of the file
  std::string sha256;  // of the file
  uint64_t rows = 0;
  std::vector<std::string> types;  // of the columns, for people; not read back
};

struct Manifest {
  std::string node;
  std::string exported_at;
  std::vector<SeedTable> tables;
};

std::string manifest_text(const Manifest& manifest);
// Throws Error(protocol), with the line's number.
Manifest parse_manifest(std::string_view text);

}  // namespace tributary
