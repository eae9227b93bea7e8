// `tributary verify [TABLE...]`: the running agent compares its tables with the parent's, row by row, while both are in
// use. `tributary resync TABLE`: the same, and what differs is mended.
// Exit code of verify: 0 equal, 1 differences, 2 not finished. Of resync: 0 begun, or with --follow mended.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>

#include "cli/commands.h"
#include "config/parse.h"
#include "config/table_name.h"
#include "monitor/control.h"
#include "monitor/words.h"

namespace tributary {
namespace {

constexpr int kExitNotFinished = 2;
constexpr size_t kDifferencesToPrint = 100;  // of each table

struct VerifyOptions {
  std::vector<std::string> tables;
  bool repairs = false;
  bool deletes_extra = false;
  bool cancels = false;
  bool follows = false;
  std::string child;
};

status::VerificationReport fetch_report(const std::string& socket) {
  status::VerificationReport report;
  if (!report.ParseFromString(ask_agent(socket, {"verification"})))
    throw Error(ErrorKind::protocol, "the answer from " + socket + " is no report of a comparison",
                "the running agent may be of another version: restart it");
  return report;
}

void order(const std::string& socket, const VerifyOptions& options) {
  std::vector<std::string> words{"verify"};
  if (options.repairs) words.push_back("repair");
  if (options.deletes_extra) words.push_back("delete-extra");
  for (const std::string& table : options.tables) words.push_back(parse_table_name(table).full_name());
  const std::string refusal = ask_agent(socket, words);
  if (!refusal.empty()) throw Error(ErrorKind::refused, refusal);
}

void cancel(const std::string& socket) {
  const std::string refusal = ask_agent(socket, {"cancel"});
  if (!refusal.empty()) throw Error(ErrorKind::refused, refusal);
  std::cout << "cancelled; what was mended stays so\n";
}

const char* word_for(status::Difference::Kind kind) {
  if (kind == status::Difference::MISSING) return "missing";
  return kind == status::Difference::EXTRA ? "extra" : "different";
}

std::string counts_of(const status::VerifiedTable& table) {
  if (!table.message().empty()) return "not compared: " + table.message();
  std::string text =
      count_in_words(table.ranges(), "range", "ranges") + ", " + count_in_words(table.rows(), "row", "rows") + ": ";
  std::string parts;
  const auto add = [&](uint64_t count, const char* word) {
    if (count > 0) parts += (parts.empty() ? "" : ", ") + std::to_string(count) + " " + word;
  };
  add(table.missing(), "missing at the parent");
  add(table.different(), "different");
  add(table.extra(), "only at the parent");
  return text + (parts.empty() ? "equal" : parts);
}

// What usually brings such differences about.
void print_reasons(const status::VerifiedTable& table) {
  if (table.missing() > 0) std::cout << "  missing: deleted at the parent, or not yet refreshed there\n";
  if (table.different() > 0) std::cout << "  different: changed at the parent, by a person or by a trigger there\n";
  if (table.extra() > 0)
    std::cout << "  only at the parent: inserted there, or taken away here without a word in the log (a partition "
                 "dropped or detached)\n";
}

void print(const status::VerificationReport& report) {
  for (const status::VerifiedTable& table : report.verification().tables()) {
    std::cout << table.name() << ": " << (table.is_finished() ? counts_of(table) : "not finished") << "\n";
    size_t printed = 0;
    for (const status::Difference& difference : report.differences()) {
      if (difference.table() != table.name()) continue;
      if (++printed > kDifferencesToPrint) continue;
      std::cout << "  " << word_for(difference.kind());
      for (const std::string& part : difference.key()) std::cout << " " << part;
      std::cout << "\n";
    }
    if (printed > kDifferencesToPrint) std::cout << "  and " << printed - kDifferencesToPrint << " more\n";
    print_reasons(table);
  }
  if (report.verification().repairs()) std::cout << "what differed was mended\n";
}

int exit_code_of(const status::Verification& verification) {
  bool is_equal = true;
  for (const status::VerifiedTable& table : verification.tables()) {
    if (!table.is_finished() || !table.message().empty()) return kExitNotFinished;
    is_equal = is_equal && table.missing() + table.different() + table.extra() == 0;
  }
  if (verification.state() != status::Verification::FINISHED) return kExitNotFinished;
  return is_equal || verification.repairs() ? kExitFine : kExitProblem;
}

void order_at_parent(const std::string& socket, const VerifyOptions& options) {
  std::vector<std::string> words{"resync-child", options.child, parse_table_name(options.tables.front()).full_name()};
  if (options.deletes_extra) words.push_back("delete-extra");
  std::cout << ask_agent(socket, words) << "\n";
}

// Until it has ended; interrupting it ends only the watching.
status::VerificationReport follow(const std::string& socket, bool tells) {
  std::string said;
  for (;;) {
    status::VerificationReport report = fetch_report(socket);
    if (tells) {
      for (const status::VerifiedTable& table : report.verification().tables()) {
        if (table.is_finished() || table.rows() == 0) continue;
        const std::string now = table.name() + ": " + count_in_words(table.rows(), "row", "rows");
        if (now != said) std::cerr << now << std::endl;
        said = now;
      }
    }
    if (report.verification().state() != status::Verification::UNDER_WAY) return report;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

std::string socket_of(const CommandContext& context) {
  return load_config(context.config_file, TlsFiles::not_needed).control_socket();
}

}  // namespace

void add_verify_command(CLI::App& app, CommandContext& context) {
  auto* command =
      app.add_subcommand("verify", "compare the tables with the parent's, row by row, while both are in use");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("table", options->tables, "tables, as the configuration names them; none: all");
  command->add_flag("--repair", options->repairs, "mend what differs");
  command->add_flag("--cancel", options->cancels, "end the comparison that is under way");
  command->footer("Exit codes: 0 equal, or mended; 1 differences; 2 not finished.");
  command->callback([options, &context] {
    const std::string socket = socket_of(context);
    if (options->cancels) return cancel(socket);
    order(socket, *options);
    const status::VerificationReport report = follow(socket, true);
    print(report);
    context.exit_code = exit_code_of(report.verification());
  });
}

void add_resync_command(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("resync", "make the parent's rows of a table what this node's are");
  auto options = std::make_shared<VerifyOptions>();
  options->repairs = true;
  command->add_option("table", options->tables, "the table, as the configuration names it");
  command->add_flag("--follow", options->follows, "show how far it is, until it is done");
  command->add_flag("--delete-extra", options->deletes_extra,
                    "delete what only the parent has, however many rows they are");
  command->add_flag("--cancel", options->cancels, "end what is under way; what was mended stays so");
  command->add_option("--child", options->child, "at a parent: have this child do it");
  command->callback([options, &context] {
    const std::string socket = socket_of(context);
    if (options->cancels) return cancel(socket);
    if (options->tables.size() != 1) throw CLI::RequiredError("one table");
    if (!options->child.empty()) return order_at_parent(socket, *options);
    order(socket, *options);
    if (!options->follows) {
      std::cout << "begun; `tributary status` shows how far it is\n";
      return;
    }
    const status::VerificationReport report = follow(socket, true);
    print(report);
    context.exit_code = exit_code_of(report.verification());
  });
}

}  // namespace tributary
