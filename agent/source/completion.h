// The completion trigger: it makes a row whole in the write-ahead log when it enters the row filter or changes its key.
//
// A large value that an UPDATE does not touch lies outside the row, and the log has only a pointer to it. The parent
// has no such row yet, so the values must come along: the trigger rewrites them to themselves (exact-rules: "Becoming
// visible with large values"; `c = c` is not enough, PostgreSQL keeps the pointer). It fires last, under the replica
// role too, only when a filter or key column changes, and never makes the application's UPDATE fail: what it could not
// complete arrives as "unchanged", and capture sees that.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "source/row_filter.h"
#include "source/step.h"
#include "source/table_facts.h"

namespace tributary {

struct Completion {
  std::string function;  // its name in schema tributary
  std::string function_body;
  std::string create_function;
  std::string create_trigger;
  std::string definition_mark;  // the trigger's comment: equal marks, equal definitions

  bool is_installed(const CompletionFacts& facts) const;
};

inline constexpr char kCompletionTrigger[] = "zzz_tributary_complete";

std::string completion_function_name(const std::string& schema, const std::string& table);

// nullopt: the table has no value that can lie outside its row. `published` are the columns that leave PostgreSQL.
std::optional<Completion> make_completion(const TableConfig& config, const TableFacts& table,
                                          const std::vector<std::string>& filter_columns,
                                          bool filter_calls_users_functions, const std::vector<std::string>& published);

// What makes the table's trigger equal to `completion`, or takes it away where none is needed. Several statements, to
// be executed in one transaction.
std::vector<Step> completion_steps(const TableFacts& table, const std::optional<Completion>& completion);

}  // namespace tributary
