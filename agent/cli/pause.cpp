// `tributary pause [TABLE|CHILD]` and `tributary resume [TABLE|CHILD]`: whether something goes up from this node. Kept
// over restarts of the agent. Exit code: 0 done, or nothing to do; 1 refused, or no agent answers.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "config/parse.h"
#include "monitor/control.h"

namespace tributary {
namespace {

struct PauseOptions {
  std::string name;
  bool is_child = false;
};

void order(const CommandContext& context, const std::string& command, const PauseOptions& options) {
  const std::string socket = load_config(context.config_file, TlsFiles::not_needed).control_socket();
  const std::string answer_bytes = ask_agent(socket, {command, options.name, options.is_child ? "child" : ""});
  status::CommandAnswer answer;
  if (!answer.ParseFromString(answer_bytes))
    throw Error(ErrorKind::protocol, "the answer from " + socket + " cannot be read",
                "the running agent may be of another version: restart it");
  if (!answer.is_done()) throw Error(ErrorKind::refused, answer.message(), answer.hint());
  std::cout << answer.message() << "\n";
}

void add(CLI::App& app, CommandContext& context, const std::string& word, const std::string& description,
         const std::string& footer) {
  auto* command = app.add_subcommand(word, description);
  auto options = std::make_shared<PauseOptions>();
  command->add_option("name", options->name,
                      "a table that this node sends, or a child that it takes; none: all that this node sends");
  command->add_flag("--child", options->is_child, "the name is a child's, where a table has it too");
  command->footer(footer + "Exit codes: 0 done, or there was nothing to do; 1 refused, or no agent answers.");
  command->callback([options, &context, word] { order(context, word, *options); });
}

}  // namespace

void add_pause_command(CLI::App& app, CommandContext& context) {
  add(app, context, "pause", "keep changes from going up, until they are resumed",
      "Nothing named: changes wait in this node's queue. A table: its changes are not sent; the others are.\n"
      "A child, at its parent: what it sends is not applied, and waits in its own queue.\n"
      "A pause outlives restarts. `tributary status` shows it.\n");
}

void add_resume_command(CLI::App& app, CommandContext& context) {
  add(app, context, "resume", "end a pause",
      "A table is then compared with the parent's, and what differs is sent. Rows that were deleted meanwhile are\n"
      "deleted there too, up to the parent's [intake] max_delete.\n");
}

}  // namespace tributary
