// deploy/examples/reference.toml has every key of the configuration, and the defaults that the program has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/pfr.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "config/parse.h"

namespace tributary {
namespace {

using testing::HasSubstr;

// A key nobody has, and like none: the parser answers with all that there are.
const std::string kUnknownKey = "zzzzzzzzzzzzzzzzzzzzzzzz";

struct Key {
  std::string section;  // "[queue]", "[[table]]"
  std::string name;
  std::string comment;      // the lines above it
  bool is_default = false;  // #key = value
  size_t line = 0;          // its index
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

class ReferenceTest : public testing::Test {
 protected:
  ReferenceTest() {
    std::ifstream in(std::string(TRIBUTARY_SOURCE_DIR) + "/deploy/examples/reference.toml");
    std::stringstream text;
    text << in.rdbuf();
    lines = lines_of(text.str());
    std::string section, comment;
    for (size_t i = 0; i < lines.size(); ++i) {
      const std::string& line = lines[i];
      if (line.starts_with("[")) {
        section = line.substr(0, line.find_last_of(']') + 1);
        sections[section] = i;
        comment.clear();
      } else if (line.empty() || line == "#") {
        comment.clear();
      } else if (line.starts_with("# ")) {
        comment += line.substr(2) + " ";
      } else {
        const size_t begin = line.starts_with("#") ? 1 : 0;
        keys.push_back({section, line.substr(begin, line.find(' ', begin) - begin), comment, begin == 1, i});
        comment.clear();
      }
    }
  }

  static std::string messages_of(const std::string& text) {
    try {
      parse_config(text, "/etc/tributary/tributary.toml");
    } catch (const ConfigErrors& errors) {
      return errors.message();
    }
    return {};
  }
  // What the parser says may stand in a section, or at the top ("").
  std::set<std::string> keys_of_parser(const std::string& section) {
    std::vector<std::string> changed = lines;
    const auto place = section.empty() ? 0 : static_cast<std::ptrdiff_t>(sections.at(section)) + 1;
    changed.insert(changed.begin() + place, kUnknownKey + " = 1");
    const std::string message = messages_of(text_of(changed));
    const std::string before = "it may have:";
    const size_t begin = message.find(before);
    EXPECT_NE(begin, std::string::npos) << message;
    if (begin == std::string::npos) return {};
    std::istringstream list(message.substr(begin + before.size(), message.find('\n', begin) - begin - before.size()));
    std::set<std::string> names;
    for (std::string name; list >> name;) names.insert(name.ends_with(',') ? name.substr(0, name.size() - 1) : name);
    return names;
  }
  std::string without(const Key& key) const {
    std::vector<std::string> changed = lines;
    changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(key.line));
    return text_of(changed);
  }

  std::vector<std::string> lines;
  std::map<std::string, size_t> sections;  // and their lines
  std::vector<Key> keys;
};

// Compares structs field by field, whatever fields they have.
template <typename T>
void expect_equal(const std::vector<T>& actual, const std::vector<T>& expected, const std::string& what);
template <typename T>
void expect_equal(const std::optional<T>& actual, const std::optional<T>& expected, const std::string& what);
template <typename T>
void expect_equal(const T& actual, const T& expected, const std::string& what) {
  if constexpr (!std::is_aggregate_v<T>)
    EXPECT_TRUE(actual == expected) << what;
  else
    boost::pfr::for_each_field(actual, [&](const auto& field, auto index) {
      expect_equal(field, boost::pfr::get<index>(expected), what + " " + std::to_string(index));
    });
}
template <typename T>
void expect_equal(const std::vector<T>& actual, const std::vector<T>& expected, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i) expect_equal(actual[i], expected[i], what + " of a list");
}
template <typename T>
void expect_equal(const std::optional<T>& actual, const std::optional<T>& expected, const std::string& what) {
  ASSERT_EQ(actual.has_value(), expected.has_value()) << what;
  if (actual) expect_equal(*actual, *expected, what);
}

TEST_F(ReferenceTest, HasEveryKeyThatTheParserKnowsAndNoOther) {
  std::set<std::string> names;
  for (const auto& [section, line] : sections) {
    names.insert(section.substr(section.find_first_not_of('['), section.find(']') - section.find_first_not_of('[')));
    std::set<std::string> found;
    for (const Key& key : keys)
      if (key.section == section && !found.insert(key.name).second)
        ADD_FAILURE() << section << " has twice: " << key.name;
    EXPECT_EQ(found, keys_of_parser(section)) << section;
  }
  EXPECT_EQ(names, keys_of_parser(""));
}

TEST_F(ReferenceTest, ParsesAsItStandsAndWithItsDefaultsWritten) {
  const std::string as_it_stands = text_of(lines);
  ASSERT_EQ(messages_of(as_it_stands), "");
  std::vector<std::string> written = lines;
  for (const Key& key : keys)
    if (key.is_default) written[key.line].erase(0, 1);
  ASSERT_EQ(messages_of(text_of(written)), "");
  expect_equal(parse_config(text_of(written), "/etc/tributary/tributary.toml"),
               parse_config(as_it_stands, "/etc/tributary/tributary.toml"), "what is said to be a default, field");
}

// A key without a default is required, or says what its absence means; one with a default is not required.
TEST_F(ReferenceTest, SaysWhichKeysAreRequired) {
  for (const Key& key : keys) {
    SCOPED_TRACE(key.section + " " + key.name);
    EXPECT_NE(key.comment, "");
    if (key.is_default) {
      EXPECT_FALSE(key.comment.starts_with("Required") || key.comment.starts_with("No default"));
    } else if (key.comment.starts_with("Required.")) {
      EXPECT_THAT(messages_of(without(key)), HasSubstr("has no '" + key.name + "'"));
    } else {
      EXPECT_TRUE(key.comment.starts_with("No default")) << key.comment;
      EXPECT_EQ(messages_of(without(key)), "");
    }
  }
}

}  // namespace
}  // namespace tributary
