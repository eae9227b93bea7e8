#include "source/captured_table.h"

#include <algorithm>

namespace tributary {
namespace {

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

// The columns without which an old row tells neither its key nor whether the filter let it out.
std::vector<std::string> columns_of_old_rows(const SourceTable& table) {
  std::vector<std::string> needed;
  for (const Column& column : table.relation.columns)
    if (column.is_key) needed.push_back(column.name);
  for (const std::string& name : table.filter_columns)
    if (!holds(needed, name)) needed.push_back(name);
  return needed;
}

std::vector<std::string> lacking(const std::vector<std::string>& needed, char identity,
                                 const std::vector<std::string>& identity_columns) {
  std::vector<std::string> missing;
  if (identity == 'f') return missing;
  for (const std::string& name : needed)
    if (!holds(identity_columns, name)) missing.push_back(name);
  return missing;
}

std::vector<std::string> lacked_by(const RelationMessage& announced, const std::vector<std::string>& needed) {
  std::vector<std::string> carried;
  for (const auto& column : announced.columns)
    if (column.is_identity) carried.push_back(column.name);
  return lacking(needed, announced.identity, carried);
}

// What the identity lacked when the rows behind `announced` were written. Throws when it still lacks it.
std::string require_identity(const RelationMessage& announced, const SourceTable& table) {
  const std::vector<std::string> needed = columns_of_old_rows(table);
  const auto lacks_now = lacking(needed, table.replica_identity, table.identity_columns);
  std::vector<std::string> lacked;
  // A partitioned table is announced with its root's identity; its rows are written with the leaves'.
  if (!table.is_partitioned) lacked = lacked_by(announced, needed);
  // A plain table whose identity was narrowed after these rows is announced again before the first row without it.
  if (!lacks_now.empty() && (table.is_partitioned || !lacked.empty()))
    throw Error(ErrorKind::setup,
                "table " + table.relation.full_name() + ": its replica identity lacks " + list_of(lacks_now),
                "run `tributary init`");
  return list_of(lacked);
}

}  // namespace

std::string identity_lacked_by_leaf(const RelationMessage& announced, const SourceTable& table) {
  return list_of(lacked_by(announced, columns_of_old_rows(table)));
}

CapturedTable captured_table(const RelationMessage& announced, const SourceTable& table) {
  const auto changed = [&](const std::string& what) {
    return Error(ErrorKind::setup, "table " + table.relation.full_name() + " changed: " + what,
                 "run `tributary check`, then `tributary init`");
  };
  CapturedTable captured;
  captured.oid = announced.oid;
  captured.wire_columns = announced.columns.size();
  captured.sent.schema = table.relation.schema;
  captured.sent.name = table.relation.name;
  for (size_t i = 0; i < announced.columns.size(); ++i) {
    const auto& column = announced.columns[i];
    const auto known = std::find_if(table.relation.columns.begin(), table.relation.columns.end(),
                                    [&](const Column& candidate) { return candidate.name == column.name; });
    const auto wire_column = static_cast<uint16_t>(i);
    Column sent{column.name, column.type_oid, {}, column.type_modifier, false};
    bool is_sent = table.send_new_columns;
    if (known != table.relation.columns.end()) {
      sent.type_name = known->type_name;
      sent.is_key = known->is_key;
      is_sent = table.send[static_cast<size_t>(known - table.relation.columns.begin())];
    }
    if (sent.is_key) captured.key_columns.push_back(wire_column);
    if (!is_sent) continue;
    captured.sent_columns.push_back(wire_column);
    captured.sent.columns.push_back(std::move(sent));
  }
  const auto keys = std::count_if(table.relation.columns.begin(), table.relation.columns.end(),
                                  [](const Column& column) { return column.is_key; });
  if (captured.key_columns.size() != static_cast<size_t>(keys) || keys == 0)
    throw changed("PostgreSQL does not send every column of its primary key");
  captured.identity_lacked = require_identity(announced, table);
  if (table.row_filter.empty()) return captured;

  captured.row_filter = table.row_filter;
  captured.filter_column_names = table.filter_columns;
  captured.filter_column_types = table.filter_column_types;
  for (const std::string& name : table.filter_columns) {
    const auto place = std::find_if(announced.columns.begin(), announced.columns.end(),
                                    [&](const auto& column) { return column.name == name; });
    if (place == announced.columns.end())
      throw changed("PostgreSQL does not send column " + name + " of its row filter");
    captured.filter_columns.push_back(static_cast<uint16_t>(place - announced.columns.begin()));
  }
  return captured;
}

}  // namespace tributary
