#include "config/parse.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "config/quantities.h"
#include "config/table_name.h"
#include "config/tls_files.h"
#include "config/toml_section.h"

namespace tributary {
namespace {

using Presence = Section::Presence;

void check_not_empty(const std::string& text) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) throw Error(ErrorKind::config, "it is empty");
}

// "host:port", "1.2.3.4:port", "[v6]:port".
void check_address(const std::string& text) {
  const Error wrong(ErrorKind::config, "'" + text + "' is not an address with a port",
                    R"(write "host:port", "192.0.2.1:7400" or "[2001:db8::1]:7400")");
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) throw wrong;
  const std::string_view host = std::string_view(text).substr(0, colon);
  const std::string_view digits = std::string_view(text).substr(colon + 1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port < 1 || port > 65535) throw wrong;
  const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (!in_brackets && host.find_first_of(":[]/ \t") != std::string_view::npos) throw wrong;
}

void check_log_level(const std::string& level) {
  const std::vector<std::string_view> levels{"error", "warning", "info", "debug"};
  if (std::find(levels.begin(), levels.end(), level) == levels.end())
    throw Error(ErrorKind::config, "'" + level + "' is not a level", "write error, warning, info or debug");
}

// Tables that hold the agent's own state or PostgreSQL's are never sent and never written for a child.
void check_not_reserved(const TableName& table) {
  for (const char* schema : {"tributary", "pg_catalog", "information_schema"}) {
    if (table.schema == schema)
      throw Error(ErrorKind::config, "tables of the schema " + table.schema + " cannot be replicated");
  }
}

class Parser {
 public:
  Parser(const std::string& file, TlsFiles tls_files, Mistakes& mistakes)
      : directory_(std::filesystem::absolute(file).parent_path()), tls_files_(tls_files), mistakes_(mistakes) {
    config_.file = file;
  }

  Config parse(const toml::table& root_table);

 private:
  void node(const toml::table& table);
  void database(const toml::table& table);
  void replicated_table(const toml::table& table);
  void parent(const toml::table& table);
  void intake(const toml::table& table);
  void child(const toml::table& table, IntakeConfig& intake);
  void tls(const toml::table& table);
  void queue(const toml::table& table);
  void refresh(const toml::table& table);
  void verify(const toml::table& table);

  std::string absolute(const std::string& path) const { return (directory_ / path).lexically_normal().string(); }

  std::filesystem::path directory_;
  TlsFiles tls_files_;
  Mistakes& mistakes_;
  Config config_;
};

void Parser::node(const toml::table& table) {
  Section section(table, "[node]", mistakes_);
  config_.node.name = section.text("name", Presence::required, {}, check_node_name);
  config_.node.tier = section.text("tier", Presence::optional);
  section.report_unknown_keys();
}

void Parser::database(const toml::table& table) {
  Section section(table, "[database]", mistakes_);
  config_.database.connection = section.text("connection", Presence::required, {}, check_not_empty);
  config_.database.apply_connection = section.text("apply_connection", Presence::optional, {}, check_not_empty);
  section.report_unknown_keys();
}

void Parser::replicated_table(const toml::table& table) {
  Section section(table, "[[table]]", mistakes_);
  TableConfig out;
  section.text("name", Presence::required, {}, [&](const std::string& text) {
    const TableName name = parse_table_name(text);
    check_not_reserved(name);
    for (const TableConfig& other : config_.tables) {
      if (other.full_name() == name.full_name())
        throw Error(ErrorKind::config, "another [[table]] names " + name.full_name() + " already");
    }
    out.schema = name.schema;
    out.name = name.name;
  });
  out.where = section.text("where", Presence::optional, {}, check_not_empty);
  out.columns = section.texts("columns", Presence::optional, check_not_empty);
  section.report_unknown_keys();
  config_.tables.push_back(std::move(out));
}

void Parser::parent(const toml::table& table) {
  Section section(table, "[parent]", mistakes_);
  ParentConfig& out = config_.parent.emplace();
  out.name = section.text("name", Presence::required, {}, [&](const std::string& name) {
    check_node_name(name);
    if (name == config_.node.name) throw Error(ErrorKind::config, "a node cannot be its own parent");
  });
  out.endpoints = section.texts("endpoints", Presence::required, check_address);
  section.report_unknown_keys();
}

void Parser::intake(const toml::table& table) {
  Section section(table, "[intake]", mistakes_);
  IntakeConfig& out = config_.intake.emplace();
  out.listen = section.text("listen", Presence::required, {}, check_address);
  section.texts("tables", Presence::required, [&](const std::string& text) {
    const TableName pattern = parse_table_pattern(text);
    check_not_reserved(pattern);
    out.tables.push_back(pattern.full_name());
  });
  out.connections_max = static_cast<uint32_t>(section.integer("connections", out.connections_max, 1, 1000));
  out.deletions_max = static_cast<uint64_t>(
      section.integer("max_delete", static_cast<int64_t>(out.deletions_max), 0, std::numeric_limits<int64_t>::max()));
  section.report_unknown_keys();
}

void Parser::child(const toml::table& table, IntakeConfig& intake) {
  Section section(table, "[[child]]", mistakes_);
  ChildConfig out;
  out.name = section.text("name", Presence::required, {}, [&](const std::string& name) {
    check_node_name(name);
    if (name == config_.node.name) throw Error(ErrorKind::config, "a node cannot be its own child");
    if (config_.parent && name == config_.parent->name)
      throw Error(ErrorKind::config, "'" + name + "' cannot be both parent and child");
    for (const ChildConfig& other : intake.children) {
      if (other.name == name) throw Error(ErrorKind::config, "another [[child]] is named '" + name + "' already");
    }
  });
  out.owns = section.text("owns", Presence::optional, {}, check_not_empty);
  if (const toml::table* by_table = section.table("owns_by_table")) {
    Section conditions(*by_table, "owns_by_table", mistakes_);
    for (const auto& [key, value] : *by_table) {
      const std::string_view written = key.str();
      const std::string condition = conditions.text(written, Presence::required, {}, check_not_empty);
      try {
        const TableName name = parse_table_name(written);
        if (!out.owns_by_table.emplace(name.full_name(), condition).second)
          throw Error(ErrorKind::config, "owns_by_table names " + name.full_name() + " twice");
      } catch (const Error& error) {
        conditions.mistake(written, error.message());
      }
    }
  }
  section.report_unknown_keys();
  intake.children.push_back(std::move(out));
}

void Parser::tls(const toml::table& table) {
  Section section(table, "[tls]", mistakes_);
  const auto file = [&](std::string_view key, void (*check)(const std::string&)) {
    std::string path;
    section.text(key, Presence::required, {}, [&](const std::string& text) {
      check_not_empty(text);
      path = absolute(text);
      if (tls_files_ == TlsFiles::needed) check(path);
    });
    return path;
  };
  config_.tls.ca = file("ca", check_readable_file);
  config_.tls.certificate = file("certificate", check_readable_file);
  config_.tls.key = file("key", check_key_file);
  section.report_unknown_keys();
}

void Parser::queue(const toml::table& table) {
  Section section(table, "[queue]", mistakes_);
  QueueConfig& out = config_.queue;
  out.path = absolute(section.text("path", Presence::optional, out.path, check_not_empty));
  out.bytes_max = section.size("max_bytes", out.bytes_max);
  out.free_disk_min = section.size("min_free_disk", out.free_disk_min);
  section.text("keep", Presence::optional, {}, [&](const std::string& text) {
    out.keep = std::chrono::duration_cast<std::chrono::seconds>(parse_duration(text));
  });
  section.report_unknown_keys();
}

void Parser::refresh(const toml::table& table) {
  Section section(table, "[refresh]", mistakes_);
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  config_.refresh.rows_per_second = static_cast<uint64_t>(section.integer("rows_per_second", 0, 0, most));
  config_.refresh.bytes_per_second = section.size("bytes_per_second", 0);
  section.report_unknown_keys();
}

void Parser::verify(const toml::table& table) {
  Section section(table, "[verify]", mistakes_);
  section.text("every", Presence::optional, {}, [&](const std::string& text) {
    config_.verify.every = std::chrono::duration_cast<std::chrono::seconds>(parse_duration(text));
  });
  config_.verify.repairs = section.boolean("repair", config_.verify.repairs);
  section.report_unknown_keys();
}

Config Parser::parse(const toml::table& root_table) {
  Section root(root_table, "the file", mistakes_);
  const auto required = [&](std::string_view key, const std::string& why) {
    const toml::table* table = root.table(key);
    if (!table && !root_table.contains(key)) mistakes_.add(1, "there is no [" + std::string(key) + "] section" + why);
    return table;
  };

  if (const auto* table = required("node", ": every node has a name")) node(*table);
  if (const auto* table = required("database", ": it says how to reach this node's PostgreSQL")) database(*table);
  const auto tables = root.tables("table");
  for (const toml::table* table : tables) replicated_table(*table);
  const toml::table* parent_table = root.table("parent");
  if (parent_table) parent(*parent_table);
  const toml::table* intake_table = root.table("intake");
  if (intake_table) intake(*intake_table);
  const auto children = root.tables("child");
  IntakeConfig nowhere;
  for (const toml::table* table : children) child(*table, config_.intake ? *config_.intake : nowhere);
  if (const auto* table = required("tls", ": links are always encrypted; 'tributary pki' makes the files")) tls(*table);
  if (const auto* table = root.table("queue")) queue(*table);
  if (const auto* table = root.table("refresh")) refresh(*table);
  if (const auto* table = root.table("verify")) verify(*table);
  if (const auto* table = root.table("status")) {
    Section section(*table, "[status]", mistakes_);
    config_.status.listen =
        section.text("listen", Presence::optional, config_.status.listen, [](const std::string& text) {
          if (!text.empty()) check_address(text);
        });
    section.report_unknown_keys();
  }
  if (const auto* table = root.table("log")) {
    Section section(*table, "[log]", mistakes_);
    config_.log.level = section.text("level", Presence::optional, config_.log.level, check_log_level);
    section.report_unknown_keys();
  }
  root.report_unknown_keys();

  if (parent_table && !root_table.contains("table"))
    mistakes_.add(line_of(*parent_table), "this node has a [parent] but no [[table]] to send to it");
  if (!tables.empty() && !root_table.contains("parent"))
    mistakes_.add(line_of(*tables.front()), "this node has a [[table]] but no [parent] to send it to");
  if (!children.empty() && !root_table.contains("intake"))
    mistakes_.add(line_of(*children.front()), "this node has a [[child]] but no [intake] that it could reach");
  if (tables.empty() && !root_table.contains("parent") && !root_table.contains("intake"))
    mistakes_.add(1, "there is neither a [parent] nor an [intake] section: this node would do nothing");
  return std::move(config_);
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf()))
    throw Error(ErrorKind::config, "cannot read the configuration " + path + ": " + std::strerror(errno),
                "name the file with -c");
  return text.str();
}

Config parse_or_throw(std::string_view text, const std::string& file, TlsFiles tls_files) {
  Mistakes mistakes(file);
  Config config;
  try {
    const toml::table root = toml::parse(text, file);
    config = Parser(file, tls_files, mistakes).parse(root);
  } catch (const toml::parse_error& error) {
    mistakes.add(std::max<uint32_t>(1, error.source().begin.line),
                 "this is not TOML: " + std::string(error.description()));
  }
  if (!mistakes.empty()) throw ConfigErrors(mistakes.in_order());
  return config;
}

}  // namespace

ConfigErrors::ConfigErrors(std::vector<std::string> mistakes)
    : Error(ErrorKind::config,
            [&] {
              std::string text = mistakes.size() == 1 ? "there is a mistake in the configuration:"
                                                      : "there are " + std::to_string(mistakes.size()) +
                                                            " mistakes in the configuration:";
              for (const std::string& mistake : mistakes) text += "\n  " + mistake;
              return text;
            }()),
      mistakes_(std::move(mistakes)) {}

// A name's length is bounded by that of a label of the DNS, because it stands in certificates.
void check_node_name(const std::string& name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool right =
      !name.empty() && name.size() <= 63 && is_letter(name.front()) && is_letter(name.back()) &&
      name.find("..") == std::string::npos &&
      std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || c == '-' || c == '.'; });
  if (!right)
    throw Error(ErrorKind::config, "'" + name + "' is not a node's name",
                "use small letters, digits, '-' and '.', at most 63, with a letter or digit at both ends");
}

Config parse_config(std::string_view text, const std::string& file) {
  return parse_or_throw(text, file, TlsFiles::not_needed);
}

Config load_config(const std::string& path, TlsFiles tls_files) {
  return parse_or_throw(content_of(path), path, tls_files);
}

std::string find_control_socket(const std::string& path) {
  const std::string text = content_of(path);
  Config config;
  Mistakes ignored(path);
  try {
    const toml::table root = toml::parse(text, path);
    config = Parser(path, TlsFiles::not_needed, ignored).parse(root);
  } catch (const toml::parse_error&) {
  }
  return config.control_socket();
}

}  // namespace tributary
