// `tributary version`
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/commands.h"

namespace tributary {

void add_version_command(CLI::App& app, CommandContext&) {
  app.add_subcommand("version", "Print the version of this program")->callback([] {
    std::printf("tributary %s (%s)\n", TRIBUTARY_VERSION, TRIBUTARY_BUILD_TYPE);
  });
}

}  // namespace tributary
