// `tributary reload`: the running agent takes up its configuration file and certificates as they are now.
// Exit code: 0 loaded, 1 refused: then everything is as before.
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.h"
#include "config/parse.h"
#include "monitor/control.h"

namespace tributary {
namespace {

constexpr char kLoaded[] = "loaded\n", kRefused[] = "refused\n";  // the answer's first line

}  // namespace

void add_reload_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("reload", "Have the running agent take up its configuration as it is now");
  command->footer(
      "Children, tables, limits and certificates are taken up without a restart, and sessions that they do not\n"
      "concern go on. A file with a mistake is refused as a whole. It says what changed, and what only a restart\n"
      "can change. SIGHUP does the same, with the answer in the log.");
  command->callback([&context] {
    const std::string socket = find_control_socket(context.config_file);
    const std::string answer = ask_agent(socket, {"reload"});
    if (answer.starts_with(kLoaded)) {
      std::cout << answer.substr(sizeof kLoaded - 1) << std::flush;
    } else if (answer.starts_with(kRefused)) {
      std::cerr << answer.substr(sizeof kRefused - 1) << std::flush;
      context.exit_code = kExitProblem;
    } else {
      throw Error(ErrorKind::protocol, "the answer from " + socket + " is none",
                  "the running agent may be of another version: restart it");
    }
  });
}

}  // namespace tributary
