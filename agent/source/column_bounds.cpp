#include "source/column_bounds.h"

#include <algorithm>
#include <regex>

#include "postgres/connection.h"

namespace tributary {
namespace {

// PostgreSQL prints a name with quotes where it needs them.
std::string either_spelling(const std::string& column) {
  const auto escaped = [](const std::string& text) {
    std::string pattern;
    for (const char c : text) {
      if (std::string_view(R"(\^$.|?*+()[]{})").find(c) != std::string_view::npos) pattern += '\\';
      pattern += c;
    }
    return pattern;
  };
  return "(?:" + escaped(column) + "|" + escaped(quote_name(column)) + ")";
}

}  // namespace

std::optional<int64_t> bytes_bound_of_check(const std::string& column, const std::string& definition,
                                            int bytes_per_character) {
  const std::string name = either_spelling(column);
  const std::string value = "(?:" + name + R"(|\()" + name + R"(\)::text))";

  const std::string comparison =
      R"(\((length|char_length|character_length|octet_length)\()" + value + R"(\) (<=|<|>=|>|=) (\d{1,9})\))";
  const std::regex one(comparison);
  const bool are_comparisons =
      std::regex_match(definition, std::regex(R"(CHECK \()" + comparison + R"(\))")) ||
      std::regex_match(definition, std::regex(R"(CHECK \(\()" + comparison + "(?: AND " + comparison + R"()+\)\))"));
  if (are_comparisons) {
    std::optional<int64_t> bound;
    for (std::sregex_iterator found(definition.begin(), definition.end(), one), end; found != end; ++found) {
      const std::string how = (*found)[2];
      if (how.front() == '>') continue;
      const int64_t bytes = std::stoll((*found)[3]) * ((*found)[1] == "octet_length" ? 1 : bytes_per_character);
      bound = std::min(bound.value_or(bytes), bytes);
    }
    return bound;
  }

  const std::string literal = R"('(?:[^']|'')*'::(?:text|character varying)(?:::text)?)";
  const std::string list = R"(\(?ARRAY\[)" + literal + "(?:, " + literal + R"()*\](?:\)::text\[\])?)";
  if (definition.size() > 4000 ||
      !std::regex_match(definition, std::regex(R"(CHECK \(\()" + value + R"( = ANY \()" + list + R"(\)\)\))")))
    return std::nullopt;
  const std::regex quoted("'((?:[^']|'')*)'::");
  int64_t longest = 0;
  for (std::sregex_iterator found(definition.begin(), definition.end(), quoted), end; found != end; ++found)
    longest = std::max<int64_t>(longest, (*found)[1].length());
  return longest;
}

}  // namespace tributary
