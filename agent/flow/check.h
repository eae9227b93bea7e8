// `check`: looks at everything that the node needs, group by group, and goes on when a part of it cannot be looked at.
//
// Never in the running agent's way: sessions of its own, which use no slot, give up a lock after two seconds and a
// statement after ten, and a connection to the parent that ends before a greeting.
#pragma once

#include <check.pb.h>

#include "config/config.h"

namespace tributary {

struct CheckOptions {
  bool is_offline = false;  // does not connect to the parent
};

check::Report run_checks(const Config& config, const CheckOptions& options);

}  // namespace tributary
