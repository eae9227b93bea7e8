#include "seed/directory.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/error.h"
#include "seed/new_file.h"
#include "wire/sha256.h"

namespace tributary {
namespace {

constexpr char kManifest[] = "manifest";
constexpr char kRowsFileEnd[] = ".copy.zst";

bool is_left_over(const std::string& name) {
  return name.ends_with(kRowsFileEnd) || name.ends_with(std::string(kRowsFileEnd) + ".partial") ||
         name == std::string(kManifest) + ".partial";
}

}  // namespace

void begin_export(const std::filesystem::path& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw Error(ErrorKind::resource,
                "cannot make the directory " + directory.string() + ": " + std::generic_category().message(errno));
  std::error_code error;
  if (std::filesystem::exists(directory / kManifest, error))
    throw Error(ErrorKind::setup, directory.string() + " holds an export already",
                "Name another directory, or delete that one.");
  const auto fail = [&] {
    if (error)
      throw Error(ErrorKind::resource, "cannot use the directory " + directory.string() + ": " + error.message());
  };
  fail();
  std::filesystem::directory_iterator entries(directory, error);
  fail();
  for (const auto& entry : entries) {
    if (is_left_over(entry.path().filename().string())) std::filesystem::remove(entry.path(), error);
    fail();
  }
}

std::string rows_file_name(size_t place) {
  const std::string number = std::to_string(place + 1);
  return std::string(number.size() < 3 ? 3 - number.size() : 0, '0') + number + kRowsFileEnd;
}

std::string write_manifest(const std::filesystem::path& directory, const Manifest& manifest) {
  const std::string text = manifest_text(manifest);
  NewFile file(directory / kManifest);
  file.write(text);
  file.finish();
  Sha256 sha256;
  sha256.add(text);
  return sha256.hexadecimal();
}

Manifest read_manifest(const std::filesystem::path& directory) {
  std::error_code error;
  const std::filesystem::path path = directory / kManifest;
  if (!std::filesystem::exists(path, error))
    throw Error(ErrorKind::setup, directory.string() + " has no manifest",
                error ? error.message() : "It is no export, or one that did not come to its end: export again.");
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw Error(ErrorKind::resource, "cannot read " + path.string());
  return parse_manifest(text.str());
}

}  // namespace tributary
