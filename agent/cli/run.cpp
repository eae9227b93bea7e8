// `tributary run`
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "config/parse.h"
#include "flow/agent.h"

namespace tributary {

void add_run_command(CLI::App& app, CommandContext& context) {
  CLI::App* run = app.add_subcommand("run", "Run the node's agent until SIGTERM or SIGINT");
  run->footer(
      "It stays in the foreground and logs to standard error: a service manager looks after it. Stopping it at any\n"
      "moment loses nothing. SIGHUP: as tributary reload. Started by root, it runs as the user who owns the queue's\n"
      "directory. What it is doing: tributary status");
  run->callback([&context] { context.exit_code = run_agent(load_config(context.config_file)); });
}

}  // namespace tributary
