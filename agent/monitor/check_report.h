// The report of `check` as text for people. Pure. As JSON: monitor/json.h.
//
//   server
//     ok       PostgreSQL 15.18
//     stops    wal_level is replica
//              the log has no rows in it that could be sent
//              -> ALTER SYSTEM SET wal_level = 'logical'
//              -> then restart PostgreSQL: systemctl restart postgresql
//
//   2 checks: 1 stops, 0 warnings
#pragma once

#include <check.pb.h>

#include <cstddef>
#include <string>

namespace tributary {

struct CheckRenderOptions {
  size_t width = 80;  // in columns; 0: a line is as long as its text, for programs
  bool is_coloured = false;
};

std::string render(const check::Report& report, const CheckRenderOptions& options);

}  // namespace tributary
