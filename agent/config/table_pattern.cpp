#include "config/table_pattern.h"

namespace tributary {
namespace {

bool matches(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (size_t taken = 0;; ++taken) {
      if (matches(text.substr(taken), pattern.substr(1))) return true;
      if (taken == text.size() || text[taken] == '.') return false;
    }
  }
  if (text.empty()) return false;
  const bool is_same = pattern[0] == text[0] || (pattern[0] == '?' && text[0] != '.');
  return is_same && matches(text.substr(1), pattern.substr(1));
}

}  // namespace

bool matches_any(std::string_view full_name, const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns)
    if (matches(full_name, pattern)) return true;
  return false;
}

}  // namespace tributary
