#include "config/table_pattern.h"

#include "base/dotted_name.h"

namespace tributary {
namespace {

bool matches(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (size_t taken = 0; taken <= text.size(); ++taken)
      if (matches(text.substr(taken), pattern.substr(1))) return true;
    return false;
  }
  if (text.empty()) return false;
  const bool is_same = pattern[0] == text[0] || pattern[0] == '?';
  return is_same && matches(text.substr(1), pattern.substr(1));
}

}  // namespace

bool matches_any(std::string_view full_name, const std::vector<std::string>& patterns) {
  const auto [schema, name] = split_dotted_name(full_name);
  for (const std::string& text : patterns) {
    const auto pattern = split_dotted_name(text);
    if (matches(schema, pattern.first) && matches(name, pattern.second)) return true;
  }
  return false;
}

}  // namespace tributary
