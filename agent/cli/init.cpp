// `tributary init`: prepares the node's database, as an administrator.
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/administrator.h"
#include "cli/commands.h"
#include "config/parse.h"
#include "source/catalogue.h"

namespace tributary {
namespace {

Task<> say_what_is_sent_first(Connection& connection, const Config& config) {
  if (co_await has_stream_begun(connection, config.node.name)) co_return;
  for (const TableConfig& table : config.tables) {
    const int64_t rows = co_await count_matching_rows(connection, table);
    std::cout << "-- " << table.full_name() << ": " << rows << " rows are sent when the agent begins\n";
  }
}

Task<> prepare(Connection& connection, const Preparation& preparation, const AdministratorOptions& options,
               const char* side) {
  if (preparation.steps.empty()) std::cout << "-- " << side << ": everything is prepared already\n";
  co_await carry_out(connection, preparation, options);
}

Task<> init(Config config, AdministratorOptions options) {
  const auto connection = co_await open_as_administrator(config, options, "init");
  print_head("init", config, options);
  if (config.parent) {
    const Preparation source = co_await prepare_source(*connection, config, Viewer::administrator);
    co_await prepare(*connection, source, options, "source");
    co_await say_what_is_sent_first(*connection, config);
  }
  if (config.intake) {
    const Preparation parent = co_await prepare_parent(*connection, config);
    co_await prepare(*connection, parent, options, "intake");
  }
  std::cout << "-- done"
            << (options.is_dry_run ? ", nothing was changed" : "; next: tributary check, then tributary run")
            << std::endl;
}

}  // namespace

void add_init_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<AdministratorOptions>();
  CLI::App* command = app.add_subcommand("init", "Prepare the node's database, as an administrator");
  add_administrator_options(*command, *options);
  command->footer(
      "Prints every statement with its reason. What is right already is left as it is.\n"
      "No write of the application waits for it longer than a moment: it tries again where a table is locked.\n"
      "Undone by: tributary remove");
  command->callback(
      [&context, options] { run_to_end(init(load_config(context.config_file, TlsFiles::not_needed), *options)); });
}

}  // namespace tributary
