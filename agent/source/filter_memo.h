// Row filters, evaluated from each row's own values: PostgreSQL does it, for the distinct values of the filter's
// columns, in a read-only transaction of the agent's session; the answers are kept. A filter is a function of its row
// alone
// (`check` refuses others), so an answer stays right.
//
// Some filters a publication refuses (an enum column, a function of a user). Those that it takes are asked for all the
// same: a publication is altered with one statement by anybody who owns it, its rows are decoded before that is to be
// seen in the catalogue, and a draft must not leave even then.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "postgres/connection.h"
#include "source/assembler.h"

namespace tributary {

class FilterMemo {
 public:
  // The verdicts on a row message, if every value it needs is known; otherwise remembers what has to be asked.
  struct Verdicts {
    Verdict old_row = Verdict::no;
    Verdict new_row = Verdict::no;
    std::string sqlstate;  // why the new row's is unknown
  };
  std::optional<Verdicts> look_up(const CapturedTable& table, const RowMessage& message);

  // Asks PostgreSQL for everything that look_up missed since. A value that PostgreSQL cannot even read (22P02: an enum
  // label renamed since), or on which the filter raises, gets the verdict unknown. Forgets nothing: rows wait for what
  // was known when they were looked up.
  Task<> resolve(Connection& session, const Assembler& tables);

  struct Answer {
    Verdict verdict = Verdict::no;
    std::string sqlstate;  // of an unknown one
  };
  using Values = std::string;  // the filter columns of a row, as one tuple
  void learn(uint32_t oid, const Values& values, Answer answer);

  // Begins anew when the memo has grown too large. Only while no row waits.
  void trim();

  // The table has another shape or filter now.
  void forget(uint32_t oid);

 private:
  const Answer* look_up(const CapturedTable& table, const std::vector<Value>& row);

  std::unordered_map<uint32_t, std::unordered_map<Values, Answer>> known_;
  size_t known_count_ = 0;  // over all tables
  size_t known_bytes_ = 0;
  std::unordered_map<uint32_t, std::set<Values>> missing_;
  std::vector<Value> new_values_, old_values_, filter_values_;
};

// A row would leave or stay by a filter that gives no answer for it.
Error unanswered_filter(const CapturedTable& table, const std::string& sqlstate);

// The statement that evaluates `table`'s filter over arrays of its filter columns' text values; one boolean per
// element, in their order. Pure.
std::string filter_statement(const CapturedTable& table);

}  // namespace tributary
