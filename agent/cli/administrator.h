// What `init` and `remove` have in common: they connect as an administrator of the node's database, print every
// statement with its reason, and execute it so that the application's writers do not notice.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "config/config.h"
#include "postgres/connection.h"
#include "source/preparation.h"

namespace CLI {
class App;
}

namespace tributary {

struct AdministratorOptions {
  bool is_dry_run = false;
  std::string conninfo;  // empty: postgres, through the local socket
  std::string patience = "10m";
};

void add_administrator_options(CLI::App& command, AdministratorOptions& options);

// With an empty conninfo, root becomes postgres for the rest of the command, which writes no file.
Task<std::unique_ptr<Connection>> open_as_administrator(const Config& config, const AdministratorOptions& options,
                                                        std::string command);

// Before the first statement: what psql needs for those that follow.
void print_head(const std::string& command, const Config& config, const AdministratorOptions& options);

// Prints the steps, and executes them unless it is a dry run, then prints the notes. A lock that is not given at once
// is asked for again with a pause in between, as long as options.patience. Throws Error(setup) for what a person must
// do.
Task<> carry_out(Connection& connection, const Preparation& preparation, const AdministratorOptions& options);

}  // namespace tributary
