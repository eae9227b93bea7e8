// One fact of `check`: a verdict, what was found, what follows from it, and what mends it.
#pragma once

#include <string>
#include <vector>

namespace tributary {

enum class Verdict { ok, warning, stops };

// What must follow the statement of a mend, for it to take effect.
enum class Needs { nothing, reload, restart };  // of PostgreSQL

struct Finding {
  Verdict verdict = Verdict::ok;
  std::string what;
  std::string mend = {};  // empty when ok
  std::string why = {};   // what follows if nobody does anything; empty where `what` says it
  Needs needs = Needs::nothing;
};

using Findings = std::vector<Finding>;

}  // namespace tributary
