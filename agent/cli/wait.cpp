// `tributary wait`: returns when all that was committed at this node before the call is applied at the parent, or at
// the top of the hierarchy. Exit code: 0 it is; 1 the time is over; 2 no agent answers.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

#include "cli/commands.h"
#include "config/parse.h"
#include "config/quantities.h"
#include "monitor/control.h"
#include "monitor/words.h"

namespace tributary {
namespace {

using std::chrono::steady_clock;

constexpr int kExitNoAgent = 2;
constexpr auto kPauseFirst = std::chrono::milliseconds(10), kPauseMax = std::chrono::milliseconds(200);

struct WaitOptions {
  std::string timeout = "30s";
  bool to_top = false;
};

status::WaitReport ask(const std::string& socket, const status::WaitReport& before, bool to_top) {
  status::WaitReport report;
  if (!report.ParseFromString(ask_agent(socket, {"wait", before.log(), before.place(), to_top ? "top" : ""})))
    throw Error(ErrorKind::protocol, "the answer from " + socket + " cannot be read",
                "the running agent may be of another version: restart it");
  return report;
}

int say_not_in_time(const status::WaitReport& report, std::chrono::milliseconds timeout) {
  std::cerr << "tributary: after " << age_in_words(static_cast<double>(timeout.count()) / 1000)
            << " not all that was committed here before is at " << report.waits_for() << "\n";
  if (!report.because().empty()) std::cerr << "  " << report.because() << "\n";
  if (!report.hint().empty()) std::cerr << "  hint: " << report.hint() << "\n";
  return kExitProblem;
}

int wait(const std::string& socket, const WaitOptions& options) {
  const auto timeout = parse_duration(options.timeout);
  const auto give_up = steady_clock::now() + timeout;
  auto pause = kPauseFirst;
  status::WaitReport report;
  for (;;) {
    report = ask(socket, report, options.to_top);
    if (report.is_done()) break;
    const auto now = steady_clock::now();
    if (now >= give_up) return say_not_in_time(report, timeout);
    std::this_thread::sleep_for(std::min<steady_clock::duration>(pause, give_up - now));
    pause = std::min(pause * 3 / 2, kPauseMax);
  }
  if (!report.because().empty()) std::cout << report.because() << "\n";
  return kExitFine;
}

}  // namespace

void add_wait_command(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("wait", "wait until all that was committed here before is applied at the parent");
  auto options = std::make_shared<WaitOptions>();
  command->add_option("--timeout", options->timeout, "how long, such as 500ms, 30s or 5m; 0s: only look")
      ->capture_default_str();
  command->add_flag("--top", options->to_top, "at the top of the hierarchy, and at every node on the way");
  command->footer(
      "Exit codes: 0 it is applied; 1 the time is over, and it is said where it stands; 2 no agent answers.");
  command->callback([options, &context] {
    const std::string socket = load_config(context.config_file, TlsFiles::not_needed).control_socket();
    try {
      context.exit_code = wait(socket, *options);
    } catch (const Error& error) {
      std::cerr << "tributary: " << error.message() << "\n";
      if (!error.hint().empty()) std::cerr << "  hint: " << error.hint() << "\n";
      context.exit_code = kExitNoAgent;
    }
  });
}

}  // namespace tributary
