// Holds the #include lines below agent/ against the floors of the house: cli -> flow -> rooms -> wire, postgres ->
// change, config -> base. Includes go downwards only, and a room never includes another room. Headers of other
// projects are fenced into the one folder that wraps them. Changing these tables is a decision, not a repair.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tributary {
namespace {

const std::set<std::string> kRooms{"source", "queue", "uplink", "intake", "apply", "monitor", "refresh", "seed"};

const std::map<std::string, int> kFloors = [] {
  std::map<std::string, int> floors{{"base", 0},     {"change", 1}, {"config", 1}, {"wire", 2},
                                    {"postgres", 2}, {"flow", 4},   {"cli", 5}};
  for (const std::string& room : kRooms) floors[room] = 3;
  return floors;
}();

// What an included header's name begins with, and the folder that may include it.
const std::map<std::string, std::string> kFences{
    {"libpq", "postgres"}, {"pg_config", "postgres"},  {"sqlite3", "queue"},       {"SQLiteCpp/", "queue"},
    {"openssl/", "wire"},  {"boost/asio/ssl", "wire"}, {"boost/beast", "monitor"}, {"CLI/", "cli"},
    {"toml++/", "config"}, {"zstd", "change"},         {"prometheus/", "monitor"},
};

// Why a file in `folder` must not include `header`; nullopt: it may.
std::optional<std::string> objection(const std::string& folder, const std::string& header) {
  for (const auto& [prefix, home] : kFences) {
    if (header.starts_with(prefix) && folder != home) return header + " is fenced into " + home + "/";
  }
  const auto target = kFloors.find(header.substr(0, header.find('/')));
  if (target == kFloors.end() || target->first == folder || header.find('/') == std::string::npos) return std::nullopt;
  if (target->second >= kFloors.at(folder)) return folder + "/ must not include " + header;
  return std::nullopt;
}

std::vector<std::string> includes_of(const std::filesystem::path& file) {
  std::vector<std::string> headers;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("#include")) continue;
    const size_t start = line.find_first_of("<\"");
    const size_t end = line.find_first_of(">\"", start + 1);
    if (end != std::string::npos) headers.push_back(line.substr(start + 1, end - start - 1));
  }
  return headers;
}

TEST(IncludeFloors, AreKeptByEveryFile) {
  const std::filesystem::path agent = std::filesystem::path(TRIBUTARY_SOURCE_DIR) / "agent";
  size_t includes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(agent)) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp") continue;
    const std::filesystem::path path = entry.path().lexically_relative(agent);
    const std::string folder = path.begin()->string();
    ASSERT_TRUE(kFloors.contains(folder)) << path << ": give the folder " << folder << " its floor";
    for (const std::string& header : includes_of(entry.path())) {
      ++includes;
      EXPECT_EQ(objection(folder, header), std::nullopt) << path;
    }
  }
  EXPECT_GT(includes, 100u) << "the files below " << agent << " were not read";
}

TEST(IncludeFloors, GoDownwardsOnly) {
  EXPECT_FALSE(objection("flow", "queue/queue.h"));
  EXPECT_FALSE(objection("queue", "queue/store.h"));
  EXPECT_FALSE(objection("cli", "config/parse.h"));
  EXPECT_TRUE(objection("queue", "flow/agent.h"));
  EXPECT_TRUE(objection("base", "config/config.h"));
  EXPECT_TRUE(objection("wire", "postgres/connection.h"));
  EXPECT_TRUE(objection("change", "config/config.h"));
}

TEST(IncludeFloors, KeepRoomsApart) {
  for (const std::string& room : kRooms) {
    for (const std::string& other : kRooms)
      EXPECT_EQ(objection(room, other + "/header.h").has_value(), room != other) << room << " and " << other;
  }
}

TEST(IncludeFloors, FenceForeignHeaders) {
  EXPECT_FALSE(objection("postgres", "libpq-fe.h"));
  EXPECT_TRUE(objection("source", "libpq-fe.h"));
  EXPECT_TRUE(objection("uplink", "boost/asio/ssl/context.hpp"));
  EXPECT_FALSE(objection("uplink", "boost/asio/awaitable.hpp"));
}

}  // namespace
}  // namespace tributary
