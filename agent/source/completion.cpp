#include "source/completion.h"

#include <algorithm>

#include "base/hash.h"

namespace tributary {
namespace {

std::string row_of(const char* record, const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns)
    list += (list.empty() ? "" : ", ") + std::string(record) + "." + quote_name(column);
  return "row(" + list + ")";
}

// An assignment in PL/pgSQL converts text back to the column's type without naming it, so the application's role needs
// no right on the type's schema.
std::string rewriting(const ColumnFacts& column) {
  const std::string value = "new." + quote_name(column.name);
  if (column.is_text) return value + " := " + value + " || ''";
  if (column.is_bytea) return value + " := " + value + " || '\\x'::bytea";
  return value + " := " + value + "::text || ''";
}

std::string filter_of(const char* record, const TableConfig& config) {
  return "(SELECT " + parenthesised(config.where) + " FROM (SELECT " + record + ".*) AS " + quote_name(config.name) +
         ")";
}

// Whether nothing needs completing is asked only of PostgreSQL's own functions: one of a user might need rights that
// the application's role does not have. Byte-wise comparison, as the log has it: 1.0 and 1.00 are two keys there.
std::string body(const TableConfig& config, const std::vector<std::string>& key, bool decides_by_filter,
                 const std::vector<const ColumnFacts*>& large) {
  std::string text = "\n#variable_conflict use_column\nBEGIN\n";
  if (decides_by_filter)
    text += "  IF record_image_eq(" + row_of("old", key) + ", " + row_of("new", key) + ")\n     AND (" +
            filter_of("new", config) + " IS NOT TRUE OR " + filter_of("old", config) +
            " IS TRUE) THEN\n    RETURN new;\n  END IF;\n";
  for (const ColumnFacts* column : large) text += "  " + rewriting(*column) + ";\n";
  return text + "  RETURN new;\nEXCEPTION WHEN OTHERS THEN\n  RETURN new;\nEND\n";
}

}  // namespace

bool Completion::is_installed(const CompletionFacts& facts) const {
  return facts.exists && facts.definition_mark == definition_mark && facts.enabled == 'A' &&
         facts.function_body == function_body;
}

std::string completion_function_name(const std::string& schema, const std::string& table) {
  return bounded_name("complete_" + schema + "_" + table);
}

std::optional<Completion> make_completion(const TableConfig& config, const TableFacts& table,
                                          const std::vector<std::string>& filter_columns,
                                          bool filter_calls_users_functions,
                                          const std::vector<std::string>& published) {
  std::vector<const ColumnFacts*> large;
  for (const ColumnFacts& column : table.columns)
    if (column.is_toastable && !column.is_generated &&
        (published.empty() || std::find(published.begin(), published.end(), column.name) != published.end()))
      large.push_back(&column);
  if (large.empty()) return std::nullopt;

  const std::vector<std::string> key = table.key_columns();
  std::vector<std::string> watched = key;
  for (const std::string& column : filter_columns)
    if (std::find(watched.begin(), watched.end(), column) == watched.end()) watched.push_back(column);

  Completion completion;
  completion.function = completion_function_name(table.schema, table.name);
  completion.function_body = body(config, key, !filter_columns.empty() && !filter_calls_users_functions, large);
  completion.create_function =
      "CREATE OR REPLACE FUNCTION " + quote_name("tributary", completion.function) +
      "() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET extra_float_digits = 3"
      " SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET bytea_output = 'hex' SET xmloption = 'content' AS"
      " $tributary$" +
      completion.function_body + "$tributary$";
  const std::string target = quote_name(table.schema, table.name);
  completion.create_trigger = "CREATE OR REPLACE TRIGGER " + std::string(kCompletionTrigger) + " BEFORE UPDATE ON " +
                              target + " FOR EACH ROW WHEN (pg_catalog.record_image_ne(" + row_of("old", watched) +
                              ", " + row_of("new", watched) + ")) EXECUTE FUNCTION " +
                              quote_name("tributary", completion.function) + "()";
  completion.definition_mark = "tributary " + short_hash(completion.create_function + completion.create_trigger);
  return completion;
}

std::vector<Step> completion_steps(const TableFacts& table, const std::optional<Completion>& completion) {
  const std::string target = quote_name(table.schema, table.name);
  const std::string trigger = kCompletionTrigger;
  if (!completion) {
    if (!table.completion.exists) return {};
    return {{"DROP TRIGGER " + trigger + " ON " + target + ";\nDROP FUNCTION IF EXISTS " +
                 quote_name("tributary", completion_function_name(table.schema, table.name)) + "()",
             "no row of " + table.full_name() + " needs the completion trigger any more",
             false,
             {},
             {target}}};
  }
  if (completion->is_installed(table.completion)) return {};
  return {{completion->create_function + ";\n" + completion->create_trigger + ";\nALTER TABLE " + target +
               " ENABLE ALWAYS TRIGGER " + trigger + ";\nCOMMENT ON TRIGGER " + trigger + " ON " + target + " IS " +
               quote_literal(completion->definition_mark),
           "a row of " + table.full_name() +
               " that enters the row filter or changes its key must bring its large values along",
           true,
           {{"trigger", target}},
           {target}}};
}

}  // namespace tributary
