#include <algorithm>

#include "apply/sent_text.h"
#include "config/table_pattern.h"

namespace tributary {
namespace {

constexpr uint32_t kFirstUserOid = 16384;

// pg_type's object identifiers of built-in types, which never change.
enum Oid : uint32_t {
  kName = 19,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kFloat4 = 700,
  kFloat8 = 701,
  kBpcharArray = 1014,
  kVarcharArray = 1015,
  kBpchar = 1042,
  kVarchar = 1043,
  kTime = 1083,
  kTimestamp = 1114,
  kTimestampArray = 1115,
  kTimeArray = 1183,
  kTimestamptz = 1184,
  kTimestamptzArray = 1185,
  kNumericArray = 1231,
  kTimetz = 1266,
  kTimetzArray = 1270,
  kBit = 1560,
  kBitArray = 1561,
  kVarbit = 1562,
  kVarbitArray = 1563,
  kNumeric = 1700,
};

// Whether every text of type `from` is a text of type `to` with the same meaning.
bool widens(uint32_t from, uint32_t to) {
  switch (from) {
    case kInt2: return to == kInt4 || to == kInt8 || to == kNumeric;
    case kInt4: return to == kInt8 || to == kNumeric;
    case kInt8: return to == kNumeric;
    case kFloat4: return to == kFloat8;
    case kName:
    case kBpchar:
    case kVarchar:
    case kText: return to == kText || to == kVarchar;
    default: return false;
  }
}

// Whether the parent's modifier keeps the values as they are or refuses them loudly (a text too long, a number too
// big). Those that would round in silence do not.
bool modifier_keeps(uint32_t type, int32_t child, int32_t parent) {
  if (parent < 0 || parent == child) return true;
  switch (type) {
    case kNumeric:
    case kNumericArray: return child >= 0 && numeric_scale(parent) >= numeric_scale(child);
    case kTime:
    case kTimeArray:
    case kTimetz:
    case kTimetzArray:
    case kTimestamp:
    case kTimestampArray:
    case kTimestamptz:
    case kTimestamptzArray: return parent >= (child < 0 ? 6 : child);
    case kBpchar:
    case kBpcharArray:
    case kVarchar:
    case kVarcharArray:
    case kBit:
    case kBitArray:
    case kVarbit:
    case kVarbitArray: return true;
    default: return false;  // interval rounds; of a type not named here nobody has looked
  }
}

bool is_named(const std::string& dotted, const std::string& schema, const std::string& name) {
  return dotted == schema + "." + name || dotted.substr(dotted.find('.') + 1) == name;
}

bool type_fits(const Column& child, const TargetColumn& parent) {
  if (child.type_oid < kFirstUserOid) {
    if (child.type_oid == parent.base_oid)
      return modifier_keeps(child.type_oid, child.type_modifier, parent.type_modifier);
    return widens(child.type_oid, parent.base_oid) &&
           (parent.base_oid != kNumeric || parent.type_modifier < 0 || numeric_scale(parent.type_modifier) >= 0);
  }
  // Identifiers of user types are each database's own. A domain may come under the name of its base type.
  return child.type_name.empty() || is_named(child.type_name, parent.type_schema, parent.type_name) ||
         is_named(child.type_name, parent.base_schema, parent.base_name);
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::vector<std::string> key_names(const Relation& relation) {
  std::vector<std::string> names;
  for (const Column& column : relation.columns)
    if (column.is_key) names.push_back(quote_name(column.name));
  return names;
}

Mismatch missing_table(const Relation& relation, const Target& target, const std::string& table) {
  std::string ddl = "CREATE TABLE " + table + " (";
  for (size_t i = 0; i < relation.columns.size(); ++i)
    ddl += quote_name(relation.columns[i].name) + " " + target.child_types[i] + ", ";
  return {"table " + relation.full_name() + " does not exist here",
          ddl + "PRIMARY KEY (" + join(key_names(relation)) + ")); -- and for its rights: tributary init"};
}

const TargetKey* matching_key(const Relation& relation, const Target& target) {
  const auto key_columns = std::count_if(relation.columns.begin(), relation.columns.end(),
                                         [](const Column& column) { return column.is_key; });
  for (const TargetKey& key : target.keys) {
    const bool all_in_child = std::all_of(key.parts.begin(), key.parts.end(), [&](const TargetKey::Part& part) {
      return std::any_of(relation.columns.begin(), relation.columns.end(),
                         [&](const Column& column) { return column.is_key && column.name == part.column; });
    });
    if (all_in_child && key.parts.size() == static_cast<size_t>(key_columns)) return &key;
  }
  return nullptr;
}

// nullopt: not all of its columns come from the child.
std::optional<std::vector<Shape::UniquePart>> unique_parts(const Relation& relation, const TargetKey& key) {
  std::vector<Shape::UniquePart> parts;
  for (const TargetKey::Part& part : key.parts) {
    const auto column = std::find_if(relation.columns.begin(), relation.columns.end(),
                                     [&](const Column& sent) { return sent.name == part.column; });
    if (column == relation.columns.end()) return std::nullopt;
    parts.push_back({static_cast<size_t>(column - relation.columns.begin()), part.equals});
  }
  return parts;
}

}  // namespace

bool is_allowed(const Relation& relation, const std::vector<std::string>& patterns) {
  if (relation.schema == "tributary" || relation.schema == "information_schema" || relation.schema.starts_with("pg_"))
    return false;
  return matches_any(relation.full_name(), patterns);
}

std::variant<Shape, Mismatch> fit(const Relation& relation, const Target& target) {
  const std::string table = quote_name(relation.schema, relation.name);
  const std::string title = relation.full_name();
  const std::string alter = "ALTER TABLE " + table + " ";
  const std::vector<std::string> key = key_names(relation);
  if (key.empty())
    return Mismatch{"table " + title + " has no primary key at the child", "Give it a primary key there."};
  if (!target.exists) return missing_table(relation, target, table);
  if (!target.is_table)
    return Mismatch{title + " is not a table here", "Only ordinary and partitioned tables can be written."};
  // The applied position would outlive the rows.
  if (!target.unlogged.empty())
    return Mismatch{"table " + target.unlogged + " is not in the write-ahead log here: a crash would empty it",
                    "ALTER TABLE " + target.unlogged + " SET LOGGED;"};

  const TargetKey* target_key = matching_key(relation, target);
  Shape shape;
  shape.table = table;
  shape.is_utf8 = target.is_utf8;
  shape.is_partitioned = target.is_partitioned;
  shape.title = title;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    const Column& column = relation.columns[i];
    const std::string name = quote_name(column.name);
    const std::string subject = "column " + name + " of table " + title;
    const auto found = std::find_if(target.columns.begin(), target.columns.end(),
                                    [&](const TargetColumn& candidate) { return candidate.name == column.name; });
    if (found == target.columns.end())
      return Mismatch{subject + " does not exist here",
                      alter + "ADD COLUMN " + name + " " + target.child_types[i] + ";"};
    if (found->is_generated)
      return Mismatch{subject + " is generated here, but the child sends it",
                      alter + "ALTER COLUMN " + name + " DROP EXPRESSION;"};
    if (found->is_identity_always && !column.is_key)
      return Mismatch{subject + " is GENERATED ALWAYS AS IDENTITY here and cannot be updated",
                      alter + "ALTER COLUMN " + name + " SET GENERATED BY DEFAULT;"};
    if (!type_fits(column, *found))
      return Mismatch{
          subject + " is of type " + target.child_types[i] + " at the child, which does not fit its type here",
          alter + "ALTER COLUMN " + name + " TYPE " + target.child_types[i] + ";"};
    // Two rows of the child would be one here, and one of them would be gone without a word.
    if (column.is_key && !found->is_collation_deterministic)
      return Mismatch{
          subject + " is in the key, and by its collation here (nondeterministic) texts that differ are equal",
          alter + "ALTER COLUMN " + name + " TYPE " + target.child_types[i] + " COLLATE \"C\";"};
    Shape::Column written;
    written.name = name;
    written.type = quote_name(found->base_schema, found->base_name);
    written.child_type_oid = column.type_oid;
    written.as_sent = sent_text("t." + name, column, *found);
    written.is_key = column.is_key;
    if (column.is_key) {
      shape.key.push_back(i);
      shape.key_columns += (shape.key_columns.empty() ? "" : ", ") + name + " " + std::to_string(column.type_oid);
      shape.overrides_identity |= found->is_identity_always;
      if (target_key)
        for (const TargetKey::Part& part : target_key->parts)
          if (part.column == column.name) written.equals = part.equals;
    }
    shape.columns.push_back(std::move(written));
  }
  if (!target_key)
    return Mismatch{
        "table " + title + " has no unique index here on exactly its key at the child (" + join(key) + ")",
        "CREATE UNIQUE INDEX ON " + table + " (" + join(key) + "); -- not partial, and its constraint not deferrable"};
  for (const TargetKey& key_here : target.keys)
    if (&key_here != target_key)
      if (auto unique = unique_parts(relation, key_here)) shape.other_unique_keys.push_back(std::move(*unique));
  for (const TargetColumn& column : target.columns) {
    const bool is_sent = std::any_of(relation.columns.begin(), relation.columns.end(),
                                     [&](const Column& sent) { return sent.name == column.name; });
    shape.has_unsent_columns |= !is_sent && !column.is_generated;
    if (!is_sent && column.is_not_null && !column.has_default)
      return Mismatch{"column " + quote_name(column.name) + " of table " + title +
                          " must not be null here, has no default, and is not sent by the child",
                      alter + "ALTER COLUMN " + quote_name(column.name) + " SET DEFAULT ...;"};
  }
  return shape;
}

}  // namespace tributary
