#include "seed/manifest.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"

namespace tributary {
namespace {

constexpr char kFormat[] = "tributary-seed";
constexpr char kVersion[] = "1";
constexpr char kNoName[] = "-";  // in place of a type's name

bool stands_for_itself(char byte) {
  return static_cast<unsigned char>(byte) > ' ' && byte != '%' && byte != '#' && byte != 0x7f;
}

std::string word(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    if (stands_for_itself(byte))
      out += byte;
    else
      out += {'%', kDigits[value >> 4], kDigits[value & 15]};
  }
  return out;
}

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  // The words of the next line that has any; none at the end.
  const std::vector<std::string>& next() {
    words_.clear();
    while (words_.empty() && !rest_.empty()) {
      ++number_;
      const size_t end = rest_.find('\n');
      if (end == std::string_view::npos) throw wrong("is cut off");
      std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      line = line.substr(0, line.find('#'));
      while (!line.empty()) {
        const std::string_view found = line.substr(0, line.find(' '));
        line.remove_prefix(std::min(found.size() + 1, line.size()));
        if (!found.empty()) words_.push_back(plain(found));
      }
    }
    return words_;
  }
  // The same, which must be `first` and `count` words after it.
  const std::vector<std::string>& expect(const char* first, size_t count) {
    if (next().empty() || words_[0] != first) throw wrong(std::string("should begin with '") + first + "'");
    expect_words(count);
    return words_;
  }
  void expect_words(size_t count) const {
    if (words_.size() != count + 1) throw wrong("should have " + std::to_string(count + 1) + " words");
  }

  template <typename Integer>
  Integer integer(const std::string& text) const {
    Integer value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) throw wrong("has a number that is none");
    return value;
  }

  Error wrong(const std::string& what) const {
    return Error(ErrorKind::protocol, "line " + std::to_string(number_) + " of the manifest " + what,
                 "Copy the directory again from where it was exported, or export it again.");
  }

 private:
  std::string plain(std::string_view text) const {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        out += text[i];
        continue;
      }
      unsigned value = 0;
      const char* const digits = text.data() + i + 1;
      if (text.size() - i < 3 || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2)
        throw wrong("has a '%' without two digits");
      out += static_cast<char>(value);
      i += 2;
    }
    return out;
  }

  std::string_view rest_;
  std::vector<std::string> words_;
  size_t number_ = 0;
};

bool is_bare_name(const std::string& file) {
  return !file.empty() && file.front() != '.' && file.find('/') == std::string::npos;
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::string manifest_text(const Manifest& manifest) {
  std::string text = std::string(kFormat) + " " + kVersion + "\nnode " + word(manifest.node) + "\nexported " +
                     word(manifest.exported_at) + "\n";
  for (const SeedTable& table : manifest.tables) {
    text += "table " + word(table.relation.schema) + " " + word(table.relation.name) + "\n  file " + word(table.file) +
            " " + std::to_string(table.bytes) + " " + table.sha256 + "\n  rows " + std::to_string(table.rows) + "\n";
    for (size_t i = 0; i < table.relation.columns.size(); ++i) {
      const Column& column = table.relation.columns[i];
      text += (column.is_key ? "  key " : "  column ") + word(column.name) + " " + std::to_string(column.type_oid) +
              " " + std::to_string(column.type_modifier) + " " +
              (column.type_name.empty() ? kNoName : word(column.type_name));
      if (i < table.types.size()) text += "    # " + table.types[i];
      text += "\n";
    }
  }
  return text + "end\n";
}

Manifest parse_manifest(std::string_view text) {
  Lines lines(text);
  if (const auto& first = lines.next(); first.empty() || first[0] != kFormat)
    throw Error(ErrorKind::protocol, "the manifest is not one of tributary's");
  else if (first.size() != 2 || first[1] != kVersion)
    throw Error(ErrorKind::protocol, "the manifest is of a format that this program does not know",
                "Use the version of tributary that exported it, or a newer one.");
  Manifest manifest;
  manifest.node = lines.expect("node", 1)[1];
  manifest.exported_at = lines.expect("exported", 1)[1];
  std::set<std::string> names, files;
  for (auto words = lines.next();;) {
    if (words.empty()) throw lines.wrong("is the last one, but 'end' is missing: it is cut off");
    if (words[0] == "end") break;
    if (words[0] != "table") throw lines.wrong("should begin with 'table' or 'end'");
    lines.expect_words(2);
    SeedTable& table = manifest.tables.emplace_back();
    table.relation.schema = words[1];
    table.relation.name = words[2];
    if (!names.insert(table.relation.full_name()).second) throw lines.wrong("names a table for the second time");
    words = lines.expect("file", 3);
    table.file = words[1];
    table.bytes = lines.integer<uint64_t>(words[2]);
    table.sha256 = words[3];
    if (!is_bare_name(table.file)) throw lines.wrong("has a file that is not in this directory");
    if (!files.insert(table.file).second) throw lines.wrong("names a file for the second time");
    if (!is_sha256(table.sha256)) throw lines.wrong("has a checksum that is none");
    table.rows = lines.integer<uint64_t>(lines.expect("rows", 1)[1]);
    bool has_key = false;
    for (words = lines.next(); !words.empty() && (words[0] == "key" || words[0] == "column"); words = lines.next()) {
      lines.expect_words(4);
      Column column{words[1], lines.integer<uint32_t>(words[2]), words[4] == kNoName ? "" : words[4],
                    lines.integer<int32_t>(words[3]), words[0] == "key"};
      has_key |= column.is_key;
      table.relation.columns.push_back(std::move(column));
    }
    if (!has_key) throw lines.wrong("comes where the key of the table before it should be");
  }
  if (!lines.next().empty()) throw lines.wrong("comes after the end");
  return manifest;
}

}  // namespace tributary
