// The commands of the program `tributary`, one file each.
//
// Every add_*_command puts one subcommand into `app` and sets its callback, which does the work while the command line
// is parsed. A callback reports what went wrong by throwing Error, which main prints as two lines, message and hint;
// a command that ran but found a problem sets `context.exit_code`. `context` outlives `app`'s parsing.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace tributary {

constexpr int kExitFine = 0;
constexpr int kExitProblem = 1;  // the command ran, and something is not as it should be
constexpr int kExitUsage = 2;    // the command line or the configuration file is wrong

struct CommandContext {
  // -c, --config: main adds the option to every command that reads the file.
  std::string config_file = "/etc/tributary/tributary.toml";
  int exit_code = kExitFine;
};

void add_run_command(CLI::App& app, CommandContext& context);
void add_init_command(CLI::App& app, CommandContext& context);
void add_remove_command(CLI::App& app, CommandContext& context);
void add_check_command(CLI::App& app, CommandContext& context);
void add_status_command(CLI::App& app, CommandContext& context);
void add_reload_command(CLI::App& app, CommandContext& context);
void add_verify_command(CLI::App& app, CommandContext& context);
void add_resync_command(CLI::App& app, CommandContext& context);
void add_wait_command(CLI::App& app, CommandContext& context);
void add_pause_command(CLI::App& app, CommandContext& context);
void add_resume_command(CLI::App& app, CommandContext& context);
void add_export_command(CLI::App& app, CommandContext& context);
void add_load_command(CLI::App& app, CommandContext& context);
void add_pki_command(CLI::App& app, CommandContext& context);
void add_version_command(CLI::App& app, CommandContext& context);

}  // namespace tributary
