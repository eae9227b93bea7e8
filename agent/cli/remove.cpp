// `tributary remove`: takes out of the node's database what `init` put there, as an administrator.
// `tributary remove --child NAME`: a parent forgets one child.
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/administrator.h"
#include "cli/commands.h"
#include "config/parse.h"
#include "monitor/control.h"
#include "source/removal.h"
#include "source/slot.h"

namespace tributary {
namespace {

constexpr char kStopAgent[] = "systemctl stop tributary (and disable it: systemctl disable tributary)";

struct RemoveOptions : AdministratorOptions {
  bool is_confirmed = false;
  std::string child;
  bool deletes_rows = false;
  bool keeps_rows = false;
};

// The agent of this machine may have no session with the database at the moment.
void require_agent_stopped_here(const Config& config) {
  try {
    fetch_status(config.control_socket());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::setup) return;
    throw;
  }
  throw Error(ErrorKind::setup, "the agent of " + config.node.name + " is running", kStopAgent);
}

// From here on no agent of this name can begin: the session keeps the lock until the command ends.
Task<> require_agent_stopped(Connection& connection, const Config& config) {
  const std::string sessions = co_await sessions_of_agent(connection, config.node.name);
  if (!sessions.empty())
    throw Error(ErrorKind::setup, "the agent of " + config.node.name + " is running: " + sessions, kStopAgent);
  co_await lock_node_name(connection, config.node.name);
}

bool ask(const std::string& question) {
  std::cout << question << " Type yes: " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "yes";
}

bool is_wanted(const RemoveOptions& options, const std::string& question) {
  if (options.is_dry_run || options.is_confirmed || ask(question)) return true;
  std::cout << "\n-- nothing was changed" << std::endl;
  return false;
}

void say_what_is_left(const Config& config) {
  const std::string& queue = config.queue.path;
  if (config.parent)
    std::cout << "-- Left on disk, and no longer needed: the queue, with changes that " << config.parent->name
              << " may not have. As root:\n--   rm -f " << queue << " " << queue << "-wal " << queue << "-shm " << queue
              << ".ballast " << queue << ".lock " << queue << ".damaged-*\n";
  std::cout << "-- Left too: the configuration " << config.file << ", certificate and key";
  std::cout << (config.parent
                    ? ", and this node's rows at its parent. There: tributary remove --child " + config.node.name + "\n"
                    : "\n");
}

Task<> remove_node(Config config, RemoveOptions options) {
  if (!options.is_dry_run) require_agent_stopped_here(config);
  const auto connection = co_await open_as_administrator(config, options, "remove");
  if (!options.is_dry_run) co_await require_agent_stopped(*connection, config);
  const RemovalFacts facts = co_await read_removal_facts(*connection, config);
  const Preparation removal = removal_of(facts, config);
  if (!removal.steps.empty() &&
      !is_wanted(options,
                 "This takes everything of tributary out of the database " + facts.database +
                     ": slot, publication, triggers, indexes, the schema tributary and the rights of its role.\n"
                     "The application's tables and rows stay as they are. " +
                     config.node.name + " sends nothing any more; to begin again, run init.\n"))
    co_return;
  print_head("remove", config, options);
  if (removal.steps.empty()) std::cout << "-- the database has nothing of tributary\n";
  co_await carry_out(*connection, removal, options);
  say_what_is_left(config);
  std::cout << "-- done" << (options.is_dry_run ? ", nothing was changed" : "") << std::endl;
}

Task<> remove_child(Config config, RemoveOptions options) {
  const auto connection = co_await open_as_administrator(config, options, "remove --child");
  const Preparation removal = co_await prepare_child_removal(*connection, config, options.child, options.deletes_rows);
  const std::string rows = options.deletes_rows
                               ? "The rows that it owns are deleted here, and by that at every tier above.\n"
                               : "Its rows stay here.\n";
  if (!removal.steps.empty() &&
      !is_wanted(options, config.node.name + " forgets its child " + options.child + ". " + rows))
    co_return;
  print_head("remove --child " + options.child, config, options);
  co_await carry_out(*connection, removal, options);
  const auto& children = config.intake->children;
  if (std::any_of(children.begin(), children.end(), [&](const ChildConfig& c) { return c.name == options.child; }))
    std::cout << "-- Next: take [[child]] " << options.child << " out of " << config.file
              << ", then: tributary reload. Until then the child may connect, and sends everything again\n";
  std::cout << "-- done" << (options.is_dry_run ? ", nothing was changed" : "") << std::endl;
}

}  // namespace

void add_remove_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<RemoveOptions>();
  CLI::App* command = app.add_subcommand("remove", "Undo what init did to the node's database, as an administrator");
  add_administrator_options(*command, *options);
  command->add_flag("-y,--yes", options->is_confirmed, "Do not ask");
  auto* child = command->add_option("--child", options->child, "At a parent: forget this child, nothing else");
  auto* keeps = command->add_flag("--keep-rows", options->keeps_rows, "Its rows stay at the parent (the default)");
  auto* deletes = command->add_flag("--delete-rows", options->deletes_rows, "Delete the rows that it owns as well");
  keeps->needs(child);
  deletes->needs(child)->excludes(keeps);
  command->footer(
      "Prints every statement with its reason, and asks before. Works while the parent is away, and twice.\n"
      "The agent must be stopped; queue and configuration are left, and named at the end.");
  command->callback([&context, options] {
    const Config config = load_config(context.config_file, TlsFiles::not_needed);
    run_to_end(options->child.empty() ? remove_node(config, *options) : remove_child(config, *options));
  });
}

}  // namespace tributary
