#include "config/config.h"

#include <filesystem>

#include "base/hash.h"

namespace tributary {
namespace {

constexpr std::string_view kPrefix = "tributary_";
constexpr size_t kNameBytesMax = 63;  // PostgreSQL's NAMEDATALEN - 1

// A slot's name may hold a-z, 0-9 and '_' only. A node's name has no '_', so '-' can take its place without two nodes
// meeting in one name; any other change is told apart by a hash of the whole name.
std::string name_in_database(const std::string& node) {
  std::string name(kPrefix);
  bool is_unique = true;
  for (const char c : node) {
    const bool is_kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!is_kept && c != '-') is_unique = false;
    name.push_back(is_kept ? c : '_');
  }
  if (is_unique && name.size() <= kNameBytesMax) return name;
  const std::string suffix = "_" + short_hash(node);
  name.resize(std::min(name.size(), kNameBytesMax - suffix.size()));
  return name + suffix;
}

}  // namespace

std::string Config::publication() const {
  return name_in_database(node.name);
}
std::string Config::slot() const {
  return name_in_database(node.name);
}

std::string Config::control_socket() const {
  return (std::filesystem::path(queue.path).parent_path() / "control.sock").string();
}

}  // namespace tributary
