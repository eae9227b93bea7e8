// The program `tributary`: the list of its commands, and how a failure is told.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/service_user.h"

namespace tributary {
namespace {

void tell(const std::string& message, const std::string& hint) {
  std::fprintf(stderr, "tributary: %s\n", message.c_str());
  if (!hint.empty()) std::fprintf(stderr, "  hint: %s\n", hint.c_str());
}

// Others work as the agent's user when root starts them.
bool is_administrators(const std::string& command) {
  return command == "init" || command == "remove" || command == "pki" || command == "version";
}

int run_command_line(int argc, char** argv) {
  CLI::App app{"Carries the approved rows of a PostgreSQL database to the one above it, one way, over any link."};
  app.name("tributary");
  app.require_subcommand(1);
  CommandContext context;
  add_run_command(app, context);
  add_init_command(app, context);
  add_remove_command(app, context);
  add_check_command(app, context);
  add_status_command(app, context);
  add_reload_command(app, context);
  add_verify_command(app, context);
  add_resync_command(app, context);
  add_wait_command(app, context);
  add_pause_command(app, context);
  add_resume_command(app, context);
  add_export_command(app, context);
  add_load_command(app, context);
  const std::string config_help = "The node's configuration file";
  app.add_option("-c,--config", context.config_file, config_help)->capture_default_str();
  for (CLI::App* command : app.get_subcommands({}))
    command->add_option("-c,--config", context.config_file, config_help)->capture_default_str();
  add_pki_command(app, context);
  add_version_command(app, context);
  std::string user;  // that root has become
  app.parse_complete_callback([&] {
    if (!is_administrators(app.get_subcommands().front()->get_name())) user = become_service_user(context.config_file);
  });
  // After the commands, which would inherit them.
  app.set_help_all_flag("--help-all", "Print the help of all commands");
  app.footer(
      "A new node: 'pki request NAME', write the configuration, 'init', 'check', then 'run'.\n"
      "A new child: 'pki sign' where the CA is, its [[child]] at the parent, 'reload' there.\n"
      "When something is wrong: 'status' says what stands where, 'check' what is missing, with the command that mends "
      "it.\n"
      "Exit codes: 0 fine, 1 a problem was found, 2 the command line or the configuration is wrong.");

  try {
    app.parse(argc, argv);
    return context.exit_code;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    tell(error.what(), "'tributary --help', or --help after a command, lists what it accepts");
    return kExitUsage;
  } catch (const Error& error) {
    tell(error.message(), error.hint());
    if (!user.empty()) std::fprintf(stderr, "  (not as root but as %s, whose agent it is)\n", user.c_str());
    return error.kind() == ErrorKind::config ? kExitUsage : kExitProblem;
  } catch (const std::exception& error) {
    tell(error.what(), {});
    return kExitProblem;
  }
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  return tributary::run_command_line(argc, argv);
}
