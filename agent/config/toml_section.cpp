#include "config/toml_section.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "base/error.h"
#include "config/quantities.h"

namespace tributary {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string_view type_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a section";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or time";
    case toml::node_type::none: break;
  }
  return "nothing";
}

std::string reason_of(const Error& error) {
  return error.hint().empty() ? error.message() : error.message() + "; " + error.hint();
}

}  // namespace

std::vector<std::string> Mistakes::in_order() const {
  auto sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> lines;
  for (const auto& [line, reason] : sorted) lines.push_back(file_ + ":" + std::to_string(line) + ": " + reason);
  return lines;
}

uint32_t line_of(const toml::node& node) {
  return std::max<uint32_t>(1, node.source().begin.line);
}

std::string nearest(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return std::string(best);
}

std::string expand_variables(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t start = text.find("${");
    if (start == std::string_view::npos) break;
    if (start > 0 && text[start - 1] == '$') {
      out.append(text.substr(0, start)).append("{");
      text.remove_prefix(start + 2);
      continue;
    }
    const size_t end = text.find('}', start);
    if (end == std::string_view::npos)
      throw Error(ErrorKind::config, "a ${ has no closing }", "write $${ for the two characters themselves");
    const std::string name(text.substr(start + 2, end - start - 2));
    const char* value = std::getenv(name.c_str());
    if (!value) throw Error(ErrorKind::config, "${" + name + "} is not set in the environment");
    out.append(text.substr(0, start)).append(value);
    text.remove_prefix(end + 1);
  }
  return out.append(text);
}

Section::Section(const toml::table& table, std::string name, Mistakes& mistakes)
    : table_(table), name_(std::move(name)), mistakes_(mistakes), line_(line_of(table)) {}

const toml::node* Section::find(std::string_view key, Presence presence, std::string_view type) {
  known_.push_back(key);
  const toml::node* node = table_.get(key);
  if (!node && presence == Presence::required)
    mistakes_.add(line_, name_ + " has no '" + std::string(key) + "' (" + std::string(type) + ")");
  return node;
}

void Section::wrong_type(std::string_view key, const toml::node& node, std::string_view type) {
  mistakes_.add(line_of(node),
                "'" + std::string(key) + "' must be " + std::string(type) + ", not " + std::string(type_of(node)));
}

bool Section::take_text(std::string_view key, const toml::node& node, std::string& value,
                        const std::function<void(const std::string&)>& check) {
  const auto* string = node.as_string();
  if (!string) {
    wrong_type(key, node, "a string");
    return false;
  }
  try {
    std::string expanded = expand_variables(string->get());
    if (check) check(expanded);
    value = std::move(expanded);
    return true;
  } catch (const Error& error) {
    mistakes_.add(line_of(node), "'" + std::string(key) + "': " + reason_of(error));
    return false;
  }
}

std::string Section::text(std::string_view key, Presence presence, std::string fallback,
                          const std::function<void(const std::string&)>& check) {
  const toml::node* node = find(key, presence, "a string");
  if (node) take_text(key, *node, fallback, check);
  return fallback;
}

std::vector<std::string> Section::texts(std::string_view key, Presence presence,
                                        const std::function<void(const std::string&)>& check) {
  std::vector<std::string> values;
  const toml::node* node = find(key, presence, "a list of strings");
  if (!node) return values;
  const toml::array* list = node->as_array();
  if (!list) {
    wrong_type(key, *node, "a list of strings");
    return values;
  }
  if (list->empty()) mistake(key, "'" + std::string(key) + "' is empty");
  for (const toml::node& element : *list) {
    std::string value;
    if (!take_text(key, element, value, check)) continue;
    if (std::find(values.begin(), values.end(), value) != values.end())
      mistakes_.add(line_of(element), "'" + std::string(key) + "' names '" + value + "' twice");
    values.push_back(std::move(value));
  }
  return values;
}

uint64_t Section::size(std::string_view key, uint64_t fallback) {
  const toml::node* node = find(key, Presence::optional, "a size");
  if (!node) return fallback;
  if (const auto* integer = node->as_integer()) {
    if (integer->get() >= 0) return static_cast<uint64_t>(integer->get());
    mistake(key, "'" + std::string(key) + "' must not be negative");
  } else if (node->is_string()) {
    std::string text;
    take_text(key, *node, text, [&](const std::string& value) { fallback = parse_size(value); });
  } else {
    wrong_type(key, *node, R"(a size such as "8 GiB")");
  }
  return fallback;
}

int64_t Section::integer(std::string_view key, int64_t fallback, int64_t least, int64_t most) {
  const toml::node* node = find(key, Presence::optional, "an integer");
  if (!node) return fallback;
  const auto* integer = node->as_integer();
  if (!integer) {
    wrong_type(key, *node, "an integer");
  } else if (integer->get() < least || integer->get() > most) {
    mistake(key, "'" + std::string(key) + "' must be from " + std::to_string(least) + " to " + std::to_string(most));
  } else {
    return integer->get();
  }
  return fallback;
}

bool Section::boolean(std::string_view key, bool fallback) {
  const toml::node* node = find(key, Presence::optional, "true or false");
  if (!node) return fallback;
  if (const auto* boolean = node->as_boolean()) return boolean->get();
  wrong_type(key, *node, "true or false");
  return fallback;
}

const toml::table* Section::table(std::string_view key) {
  const toml::node* node = find(key, Presence::optional, "a section");
  if (node && !node->is_table()) wrong_type(key, *node, "one section, [" + std::string(key) + "]");
  return node ? node->as_table() : nullptr;
}

std::vector<const toml::table*> Section::tables(std::string_view key) {
  std::vector<const toml::table*> found;
  const toml::node* node = find(key, Presence::optional, "sections");
  if (!node) return found;
  const std::string wanted = "sections with two brackets each, [[" + std::string(key) + "]]";
  const toml::array* list = node->as_array();
  if (!list) {
    wrong_type(key, *node, wanted);
    return found;
  }
  for (const toml::node& element : *list) {
    if (const toml::table* table = element.as_table()) {
      found.push_back(table);
    } else {
      wrong_type(key, element, wanted);
    }
  }
  return found;
}

void Section::mistake(std::string_view key, const std::string& reason) {
  const toml::node* node = table_.get(key);
  mistakes_.add(node ? line_of(*node) : line_, reason);
}

void Section::mistake(const std::string& reason) {
  mistakes_.add(line_, reason);
}

void Section::report_unknown_keys() {
  for (const auto& [key, node] : table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    std::string reason = name_ + " has no key '" + std::string(key.str()) + "'";
    if (const std::string near = nearest(key.str(), known_); !near.empty()) {
      reason += "; did you mean '" + near + "'?";
    } else {
      reason += "; it may have:";
      for (const std::string_view known : known_) reason.append(known == known_.front() ? " " : ", ").append(known);
    }
    mistakes_.add(std::max<uint32_t>(1, key.source().begin.line), reason);
  }
}

}  // namespace tributary
