#include "source/step.h"

#include <algorithm>

#include "base/hash.h"
#include "postgres/connection.h"

namespace tributary {
namespace {

template <typename T>
void append_new(std::vector<T>& to, const std::vector<T>& from) {
  for (const T& item : from)
    if (std::find(to.begin(), to.end(), item) == to.end()) to.push_back(item);
}

}  // namespace

std::vector<std::string> scripts_of(const Step& step) {
  if (step.records.empty()) return {step.statement};
  const std::string records = record_statement(step.records);
  if (step.statement.find(" CONCURRENTLY ") != std::string::npos) return {records, step.statement};
  return {"BEGIN;\n" + step.statement + ";\n" + records + ";\nCOMMIT"};
}

Step in_one_transaction(const std::vector<Step>& steps) {
  Step all{"BEGIN", steps.front().why};
  std::vector<UndoRecord> records;
  for (const Step& step : steps) {
    append_new(all.locked, step.locked);
    append_new(records, step.records);
  }
  if (all.locked.size() > 1) {
    std::string tables;
    for (const std::string& table : all.locked) tables += (tables.empty() ? "ONLY " : ", ONLY ") + table;
    all.statement += ";\nLOCK TABLE " + tables + " IN ACCESS EXCLUSIVE MODE";
  }
  for (const Step& step : steps) all.statement += ";\n" + step.statement;
  if (!records.empty()) all.statement += ";\n" + record_statement(records);
  all.statement += ";\nCOMMIT";
  return all;
}

std::string record_statement(const std::vector<UndoRecord>& records) {
  std::string rows;
  for (const UndoRecord& record : records)
    rows += (rows.empty() ? "\n  (" : ",\n  (") + quote_literal(record.kind) + ", " + quote_literal(record.object) +
            ", " + quote_literal(record.made) + ", " + quote_literal(record.role) + ", " +
            (record.former ? quote_literal(*record.former) : "NULL") + ")";
  return "INSERT INTO tributary.undo (kind, object, made, role, former) VALUES" + rows + "\n  ON CONFLICT DO NOTHING";
}

std::string name_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + quote_name(name);
  return list;
}

std::string bounded_name(const std::string& name) {
  constexpr size_t kNameBytesMax = 63;
  if (name.size() <= kNameBytesMax) return name;
  size_t end = kNameBytesMax - 9;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;  // not inside a UTF-8 character
  return name.substr(0, end) + "_" + short_hash(name);
}

}  // namespace tributary
