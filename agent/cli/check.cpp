// `tributary check`: what would stop the node from working, each with the statement or command that mends it.
// Exit code 1 only if something stops it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "cli/commands.h"
#include "config/parse.h"
#include "source/checks.h"
#include "wire/pki.h"

namespace tributary {
namespace {

std::vector<Finding> check_certificates(const Config& config) {
  std::vector<Finding> findings;
  try {
    const CertificateFacts facts = read_certificate(config.tls.certificate);
    check_certificate(config.tls.ca, {config.tls.certificate, config.tls.key});
    const bool has_name = std::find(facts.names.begin(), facts.names.end(), config.node.name) != facts.names.end();
    const auto days_left =
        std::chrono::duration_cast<std::chrono::days>(facts.not_after - std::chrono::system_clock::now()).count();
    if (!has_name)
      findings.push_back({Verdict::stops,
                          "the certificate " + config.tls.certificate + " is not for " + config.node.name,
                          "tributary pki node " + config.node.name});
    else if (days_left < 30)
      findings.push_back({Verdict::warning, "the certificate ends in " + std::to_string(days_left) + " days",
                          "tributary pki node " + config.node.name + " --force"});
    else
      findings.push_back(
          {Verdict::ok,
           "the certificate is for " + config.node.name + " and valid for " + std::to_string(days_left) + " days",
           {}});
  } catch (const Error& error) {
    findings.push_back({Verdict::stops, error.message(), error.hint()});
  }
  return findings;
}

void append(std::vector<Finding>& to, std::vector<Finding> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

Task<> check_database(const Config& config, std::vector<Finding>& findings) {
  const std::string name = "tributary check " + config.node.name;
  const auto connection = co_await Connection::open(config.database.connection, Purpose::session, name);
  append(findings, co_await check_server(*connection, config));
  if (config.parent) append(findings, co_await check_source(*connection, config));
  if (!config.intake) co_return;
  if (config.database.apply_connection.empty()) {
    append(findings, co_await check_parent(*connection, config));
    co_return;
  }
  const auto apply = co_await Connection::open(config.database.apply_connection, Purpose::session, name);
  append(findings, co_await check_parent(*apply, config));
}

std::vector<Finding> check(const Config& config) {
  std::vector<Finding> findings = check_certificates(config);
  append(findings, check_files(config));
  try {
    run_to_end(check_database(config, findings));
  } catch (const Error& error) {
    findings.push_back({Verdict::stops, error.message(), error.hint()});
  }
  return findings;
}

}  // namespace

void add_check_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("check", "Say what would stop the node from working, and what mends it");
  command->footer("Exit code 1 only if something stops it. Connects as the agent itself does.");
  command->callback([&context] {
    for (const Finding& finding : check(load_config(context.config_file))) {
      std::cout << std::left << std::setw(9) << name_of(finding.verdict) << finding.what << "\n";
      if (!finding.mend.empty()) std::cout << std::string(9, ' ') << "-> " << finding.mend << "\n";
      if (finding.verdict == Verdict::stops) context.exit_code = kExitProblem;
    }
    std::cout << std::flush;
  });
}

}  // namespace tributary
