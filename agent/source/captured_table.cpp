#include "source/captured_table.h"

#include <algorithm>

namespace tributary {

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
  if (!table.evaluate_filter) return captured;

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
