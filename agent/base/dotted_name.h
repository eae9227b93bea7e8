// "schema.table", for people and as a key: a part that holds a dot or a double quote is quoted as SQL quotes it, so
// that no two tables share one name.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace tributary {

inline std::string dotted_name(std::string_view schema, std::string_view name) {
  std::string text;
  const auto append = [&](std::string_view part) {
    if (part.find_first_of(".\"") == std::string_view::npos) {
      text += part;
      return;
    }
    text += '"';
    for (const char c : part) text.append(c == '"' ? 2 : 1, c);
    text += '"';
  };
  append(schema);
  text += '.';
  append(name);
  return text;
}

// The two parts of what dotted_name made. Of any other text, nothing is promised but two texts.
inline std::pair<std::string, std::string> split_dotted_name(std::string_view text) {
  std::pair<std::string, std::string> parts;
  std::string* part = &parts.first;
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && is_quoted && i + 1 < text.size() && text[i + 1] == '"') {
      part->push_back(text[++i]);
    } else if (c == '"') {
      is_quoted = !is_quoted;
    } else if (c == '.' && !is_quoted && part == &parts.first) {
      part = &parts.second;
    } else {
      part->push_back(c);
    }
  }
  return parts;
}

}  // namespace tributary
