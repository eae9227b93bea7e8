// `tributary check`: what would stop the node from working, each with the statement or command that mends it.
// Exit code 1 only if something stops it.
#include "flow/check.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "config/parse.h"
#include "monitor/check_report.h"
#include "monitor/json.h"
#include "source/parent_schema.h"

namespace tributary {
namespace {

struct CheckCommandOptions {
  CheckOptions check;
  bool is_json = false;
  bool prints_parent_schema = false;
};

// Lines are broken for people alone: what a program reads, or grep, stays on one.
CheckRenderOptions options_of_output() {
  if (!isatty(STDOUT_FILENO)) return {.width = 0};
  CheckRenderOptions options;
  const char* no_colour = std::getenv("NO_COLOR");
  options.is_coloured = !no_colour || !*no_colour;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    options.width = std::clamp<size_t>(size.ws_col, 40, 120);
  return options;
}

Task<> print_parent_schema(Config config) {
  const auto connection =
      co_await Connection::open(config.database.connection, Purpose::session, "tributary check " + config.node.name);
  std::cout << co_await parent_schema(*connection, config) << std::flush;
}

}  // namespace

void add_check_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<CheckCommandOptions>();
  CLI::App* command = app.add_subcommand("check", "Say what would stop the node from working, and what mends it");
  command->add_flag("--parent-schema", options->prints_parent_schema,
                    "Print the statements that make this node's tables in the parent's database, nothing else");
  command->add_flag("--offline", options->check.is_offline, "Do not connect to the parent");
  command->add_flag("--json", options->is_json, "Print JSON, as proto/check.proto has it");
  command->footer(
      "Each line is a fact: ok; warning: the node works, and you should know; stops: it does not. Below it: what\n"
      "follows from it, and after -> the statement or command that mends it.\n"
      "Connects to the database as the agent itself does, and to the parent; run it as the agent's user. It changes\n"
      "nothing, and a running agent takes no notice.\n"
      "Exit code 1 only if something stops the node.");
  command->callback([options, &context] {
    if (options->prints_parent_schema)
      return run_to_end(print_parent_schema(load_config(context.config_file, TlsFiles::not_needed)));
    const check::Report report = run_checks(load_config(context.config_file, TlsFiles::not_needed), options->check);
    std::cout << (options->is_json ? to_json(report) : render(report, options_of_output())) << std::flush;
    if (report.stops() > 0) context.exit_code = kExitProblem;
  });
}

}  // namespace tributary
