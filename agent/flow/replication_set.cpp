#include "flow/replication_set.h"

#include <map>
#include <sstream>

#include "base/hash.h"

namespace tributary {
namespace {

constexpr char kWasTakenOut[] = "-";

// One line per table: the hash of its name, a blank, the hash of its filter and columns.
std::string name_mark(const TableConfig& table) {
  return std::to_string(hash_of(table.full_name()));
}

std::string content_mark(const TableConfig& table, const SourceTable& source) {
  std::string content = table.where;
  for (const std::string& column : table.columns) content += '\0' + column;
  content += source.evaluate_filter ? "|agent" : "|publication";
  content += std::to_string(source.membership_oid) + "|" + source.publication_version;
  return std::to_string(hash_of(content));
}

std::map<std::string, std::string> read_marks(const std::string& described) {
  std::map<std::string, std::string> marks;
  std::istringstream lines(described);
  for (std::string name, content; lines >> name >> content;) marks[name] = content;
  return marks;
}

}  // namespace

std::string describe_replication_set(const Config& config, const std::vector<SourceTable>& tables,
                                     const std::string& before) {
  std::map<std::string, std::string> marks = read_marks(before);
  for (auto& [name, content] : marks) content = kWasTakenOut;
  for (size_t i = 0; i < tables.size(); ++i)
    if (tables[i].trouble.message.empty())
      marks[name_mark(config.tables[i])] = content_mark(config.tables[i], tables[i]);
  std::string text;
  for (const auto& [name, content] : marks) text += name + " " + content + "\n";
  return text;
}

ReplicationSetChange compare_replication_sets(const std::string& before, const Config& config,
                                              const std::vector<SourceTable>& tables) {
  const std::map<std::string, std::string> known = read_marks(before);
  ReplicationSetChange change;
  for (size_t i = 0; i < tables.size(); ++i) {
    if (!tables[i].trouble.message.empty()) continue;
    const auto old = known.find(name_mark(config.tables[i]));
    if (old == known.end())
      change.added.push_back(config.tables[i]);
    else if (old->second != content_mark(config.tables[i], tables[i]))
      change.changed.push_back(config.tables[i].full_name());
  }
  return change;
}

}  // namespace tributary
