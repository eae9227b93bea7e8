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
constexpr auto kStoringTime = std::chrono::seconds(10);
constexpr size_t kDifferencesToPrint = 100;  // of each table

struct VerifyOptions {
  std::vector<std::string> tables;
  bool repairs = false;
  bool deletes_extra = false;
  bool cancels = false;
  bool follows = false;
  bool shows = false;
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
  if (options.shows) words.push_back("show");
  for (const std::string& table : options.tables) words.push_back(parse_table_name(table).full_name());
  const std::string refusal = ask_agent(socket, words);
  if (!refusal.empty()) throw Error(ErrorKind::refused, refusal);
}

// Before it is said that something was begun: it has to outlive the agent.
void wait_until_stored(const std::string& socket) {
  const auto until = std::chrono::steady_clock::now() + kStoringTime;
  while (!fetch_report(socket).is_stored()) {
    if (std::chrono::steady_clock::now() >= until)
      throw Error(ErrorKind::resource, "begun, but the queue does not take it down: a restart of the agent forgets it",
                  "`tributary status` says what is wrong with the queue");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void cancel(const std::string& socket) {
  const std::string refusal = ask_agent(socket, {"cancel"});
  if (!refusal.empty()) throw Error(ErrorKind::refused, refusal);
  wait_until_stored(socket);
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

// What likely brought the differences about. Where single rows were not looked at (the parent's agent is older, or
// nothing of it can be named), what usually does.
void print_reasons(const status::VerifiedTable& table) {
  for (const status::Finding& finding : table.findings())
    std::cout << "  likely reason, " << count_in_words(finding.rows(), "row", "rows") << ": " << finding.message()
              << "\n    what to do: " << finding.hint() << "\n";
  if (!table.findings().empty()) return;
  if (table.missing() > 0) std::cout << "  missing: deleted at the parent, or not yet refreshed there\n";
  if (table.different() > 0) std::cout << "  different: changed at the parent, by a person or by a trigger there\n";
  if (table.extra() > 0)
    std::cout << "  only at the parent: inserted there, or taken away here without a word in the log (a partition "
                 "dropped or detached)\n";
}

std::string in_quotes(bool has_value, const std::string& value) {
  return has_value ? "'" + value + "'" : "NULL";
}

void print_columns(const status::Difference& difference) {
  for (const status::DifferentColumn& column : difference.columns()) {
    std::cout << "    " << column.name() << ": ";
    if (difference.kind() != status::Difference::EXTRA)
      std::cout << "here " << in_quotes(column.has_here(), column.here());
    if (difference.kind() == status::Difference::DIFFERENT) std::cout << ", ";
    if (difference.kind() != status::Difference::MISSING)
      std::cout << "at the parent " << in_quotes(column.has_there(), column.there());
    std::cout << "\n";
  }
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
      print_columns(difference);
    }
    if (printed > kDifferencesToPrint) std::cout << "  and " << printed - kDifferencesToPrint << " more\n";
    print_reasons(table);
  }
  bool differs = false, is_mended = true;
  for (const status::VerifiedTable& table : report.verification().tables()) {
    differs = differs || table.missing() + table.different() + table.extra() > 0;
    is_mended = is_mended && table.is_finished() && table.message().empty();
  }
  if (differs && is_mended && report.verification().repairs()) std::cout << "what differed was mended\n";
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
  const std::string answer = ask_agent(socket, words);
  if (!answer.starts_with('+'))
    throw Error(ErrorKind::refused, answer.empty() ? "the agent does not know this" : answer.substr(1));
  std::cout << answer.substr(1) << "\n";
}

// "public.document: 400,000 of about 1,000,000 rows, 40 %, 52,000 rows/s, 12 s left"
std::string progress_in_words(const std::string& what, uint64_t rows, uint64_t expected, double per_second) {
  std::string words = what + ": " + count_in_words(rows);
  if (expected <= rows) return words + (rows == 1 ? " row" : " rows");
  words += " of about " + count_in_words(expected, "row", "rows") + ", " + std::to_string(rows * 100 / expected) + " %";
  if (per_second < 1) return words;
  return words + ", " + count_in_words(static_cast<uint64_t>(per_second)) + " rows/s, " +
         age_in_words(static_cast<double>(expected - rows) / per_second) + " left";
}

// Tells how far a comparison, and what has to be sent because of it, is; a line a second, while there is news.
class Progress {
 public:
  explicit Progress(std::string socket) : socket_(std::move(socket)) {}

  void tell(const status::Verification& verification) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    const std::string words = words_for(verification, now);
    if (words.empty() || words == said_) return;
    std::cerr << words << std::endl;
    said_ = words;
    next_ = now + std::chrono::seconds(1);
  }

 private:
  std::string words_for(const status::Verification& verification, std::chrono::steady_clock::time_point now) {
    for (const status::VerifiedTable& table : verification.tables()) {
      if (table.is_finished() || table.rows() == 0) continue;
      if (table.name() != table_) {
        table_ = table.name();
        since_ = now;
        rows_ = table.rows();
      }
      const std::chrono::duration<double> time = now - since_;
      const double rate = time.count() > 0.5 ? static_cast<double>(table.rows() - rows_) / time.count() : 0;
      return progress_in_words(table.name(), table.rows(), table.expected_rows(), rate);
    }
    return walk_in_words(verification);
  }
  // All are compared: what differed too much to be named is sent.
  std::string walk_in_words(const status::Verification& verification) {
    const status::NodeStatus node = fetch_status(socket_);
    for (const status::VerifiedTable& verified : verification.tables())
      for (const status::Table& table : node.capture().tables())
        if (table.name() == verified.name() && !table.is_copied() && table.rows_copied() > 0)
          return progress_in_words("mending " + table.name(), table.rows_copied(),
                                   std::max(verified.rows(), verified.expected_rows()), table.rows_per_second());
    return {};
  }

  const std::string socket_;
  std::string said_, table_;
  uint64_t rows_ = 0;
  std::chrono::steady_clock::time_point next_{}, since_{};
};

// Until it has ended; interrupting it ends only the watching.
status::VerificationReport follow(const std::string& socket) {
  Progress progress(socket);
  for (;;) {
    status::VerificationReport report = fetch_report(socket);
    if (report.verification().state() != status::Verification::UNDER_WAY) return report;
    progress.tell(report.verification());
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

std::string socket_of(const CommandContext& context) {
  return find_control_socket(context.config_file);
}

}  // namespace

void add_verify_command(CLI::App& app, CommandContext& context) {
  auto* command =
      app.add_subcommand("verify", "Compare the tables with the parent's, row by row, while both are in use");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("TABLE", options->tables, "Tables, as the configuration names them; none: all");
  command->add_flag("--repair", options->repairs, "Mend what differs");
  command->add_flag("--show", options->shows, "Print the values that differ, of the first hundred rows of each table");
  command->add_flag("--cancel", options->cancels, "End the comparison that is under way");
  command->footer("Exit codes: 0 equal, or mended; 1 differences; 2 not finished.");
  command->callback([options, &context] {
    const std::string socket = socket_of(context);
    if (options->cancels) return cancel(socket);
    order(socket, *options);
    const status::VerificationReport report = follow(socket);
    print(report);
    context.exit_code = exit_code_of(report.verification());
  });
}

void add_resync_command(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("resync", "Make the parent's rows of a table what this node's are");
  auto options = std::make_shared<VerifyOptions>();
  options->repairs = true;
  command->add_option("TABLE", options->tables, "The table, as the configuration names it");
  command->add_flag("--follow", options->follows, "Show how far it is, until it is done");
  command->add_flag("--delete-extra", options->deletes_extra,
                    "Delete what only the parent has, however many rows they are");
  command->add_flag("--cancel", options->cancels, "Stop what is under way; what was mended stays so");
  command->add_option("--child", options->child, "At a parent: have this child do it");
  command->footer(
      "Compares beside the live changes, and sends what differs.\n"
      "Examples: tributary resync public.document --follow\n"
      "          tributary resync public.document --child district-a     at its parent");
  command->callback([options, &context] {
    const std::string socket = socket_of(context);
    if (options->cancels) return cancel(socket);
    if (options->tables.size() != 1) throw CLI::RequiredError("one table");
    if (!options->child.empty()) return order_at_parent(socket, *options);
    order(socket, *options);
    if (!options->follows) {
      wait_until_stored(socket);
      std::cout << "begun; `tributary status` shows how far it is\n";
      return;
    }
    const status::VerificationReport report = follow(socket);
    print(report);
    context.exit_code = exit_code_of(report.verification());
  });
}

}  // namespace tributary
