// `tributary status`: asks the running agent of this node how it and everything below it is doing.
// Exit code: 0 healthy; 1 something needs attention, is held or offline; 2 no agent answers.
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "cli/commands.h"
#include "config/parse.h"
#include "monitor/control.h"
#include "monitor/json.h"
#include "monitor/render.h"
#include "monitor/words.h"

namespace tributary {
namespace {

constexpr int kExitNotReachable = 2;

struct StatusOptions {
  bool is_json = false;
  bool watches = false;
};

RenderOptions options_of_terminal() {
  RenderOptions options;
  options.now = unix_milliseconds_now();
  std::setlocale(LC_CTYPE, "");
  options.is_utf8 = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  if (!isatty(STDOUT_FILENO)) return options;
  const char* no_colour = std::getenv("NO_COLOR");
  options.is_coloured = !no_colour || !*no_colour;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    options.width = std::clamp<size_t>(size.ws_col, 40, 120);
  return options;
}

// Healthy is a node whose own parts are, and whose children are as far as they concern it.
bool all_is_well(const status::NodeStatus& node) {
  return node.health() == status::OK &&
         std::all_of(node.children().begin(), node.children().end(),
                     [](const status::Child& child) { return child.health() == status::OK; });
}

// Prints the status once; returns the exit code. A failure is caught here and not in main, because its exit code is
// this command's own, and because --watch outlives a restart of the agent.
int print_status(const std::string& socket, const StatusOptions& options) {
  try {
    const auto node = fetch_status(socket);
    std::cout << (options.is_json ? to_json(node) : render(node, options_of_terminal())) << std::flush;
    return all_is_well(node) ? kExitFine : kExitProblem;
  } catch (const Error& error) {
    std::cerr << "tributary: " << error.message() << '\n';
    if (!error.hint().empty()) std::cerr << "  hint: " << error.hint() << '\n';
    return kExitNotReachable;
  }
}

}  // namespace

void add_status_command(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("status", "Show how this node and everything below it is doing");
  auto options = std::make_shared<StatusOptions>();
  command->add_flag("--json", options->is_json, "Print JSON, as GET /status does");
  command->add_flag("--watch", options->watches, "Print it again every two seconds, until interrupted");
  command->footer(
      "The README's section Status says what its words mean.\n"
      "Exit codes: 0 healthy, 1 something needs attention, is held or offline, 2 no agent answers.");
  command->callback([options, &context] {
    const auto socket = find_control_socket(context.config_file);
    const bool clears_screen = options->watches && !options->is_json && isatty(STDOUT_FILENO);
    for (;;) {
      if (clears_screen) std::cout << "\x1b[H\x1b[2J";
      context.exit_code = print_status(socket, *options);
      if (!options->watches) return;
      std::this_thread::sleep_for(std::chrono::seconds(2));
    }
  });
}

}  // namespace tributary
