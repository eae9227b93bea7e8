// One table of a TOML file, read key by key: wrong types, missing and unknown keys become mistakes, not exceptions, so
// that a file is read to its end and everything that is wrong with it is reported at once.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tributary {

// What is wrong with a file, by line.
class Mistakes {
 public:
  explicit Mistakes(std::string file) : file_(std::move(file)) {}

  void add(uint32_t line, const std::string& reason) { found_.emplace_back(line, reason); }
  bool empty() const { return found_.empty(); }
  std::vector<std::string> in_order() const;  // "file:line: reason"

 private:
  std::string file_;
  std::vector<std::pair<uint32_t, std::string>> found_;
};

uint32_t line_of(const toml::node& node);

// The known word that differs least from `word`, or "" when none is near.
std::string nearest(std::string_view word, const std::vector<std::string_view>& known);

// `text` with ${NAME} replaced by the environment's values; "$${" stands for "${". Throws Error(config).
std::string expand_variables(std::string_view text);

class Section {
 public:
  // `name` as in the file: "[parent]", "[[child]]". The table must outlive the section.
  Section(const toml::table& table, std::string name, Mistakes& mistakes);

  enum class Presence { required, optional };

  // After a mistake these return `fallback` or leave the element out. `check` throws Error(config) when a value will
  // not do.
  std::string text(std::string_view key, Presence presence, std::string fallback = {},
                   const std::function<void(const std::string&)>& check = {});
  std::vector<std::string> texts(std::string_view key, Presence presence,
                                 const std::function<void(const std::string&)>& check = {});
  uint64_t size(std::string_view key, uint64_t fallback);
  int64_t integer(std::string_view key, int64_t fallback, int64_t least, int64_t most);
  bool boolean(std::string_view key, bool fallback);
  // The sections below `key`, written [key] or [[key]]; nothing when there are none.
  const toml::table* table(std::string_view key);
  std::vector<const toml::table*> tables(std::string_view key);

  void mistake(std::string_view key, const std::string& reason);  // at the key's line
  void mistake(const std::string& reason);                        // at the section's line
  uint32_t line() const { return line_; }

  // Reports the keys that nobody asked for. Call it last.
  void report_unknown_keys();

 private:
  const toml::node* find(std::string_view key, Presence presence, std::string_view type);
  void wrong_type(std::string_view key, const toml::node& node, std::string_view type);
  bool take_text(std::string_view key, const toml::node& node, std::string& value,
                 const std::function<void(const std::string&)>& check);

  const toml::table& table_;
  std::string name_;
  Mistakes& mistakes_;
  uint32_t line_;
  std::vector<std::string_view> known_;
};

}  // namespace tributary
