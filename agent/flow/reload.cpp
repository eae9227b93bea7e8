#include "flow/reload.h"

#include <spdlog/spdlog.h>

#include "config/parse.h"
#include "postgres/connection.h"
#include "source/catalogue.h"
#include "wire/tls.h"

namespace tributary {
namespace {

constexpr auto kDatabaseTime = std::chrono::seconds(5);  // less than the command waits for its answer

Task<> require_prepared(const Config& config) {
  const auto session = co_await Connection::open(config.database.connection, Purpose::session,
                                                 "tributary " + config.node.name + " reload");
  co_await read_source_tables(*session, config);
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

}  // namespace

Task<Config> read_again(const Config& now) {
  Config read = load_config(now.file);
  const TlsContext certificates(read.tls, now.node.name);
  const Config next = plan_reload(now, read).config;
  if (next.tables == now.tables) co_return read;
  std::optional<Error> failure;
  try {
    co_await with_deadline(kDatabaseTime, "asking the database about it", require_prepared(next));
  } catch (const Error& error) {
    failure = error;
  }
  if (failure && failure->kind() == ErrorKind::setup)
    throw Error(ErrorKind::setup, failure->message(), failure->hint() + "; then reload again");
  if (failure)
    throw Error(
        failure->kind(),
        "other tables are to be sent, and the database does not say whether it is prepared: " + failure->message(),
        failure->hint());
  co_return read;
}

std::string answer(const ReloadPlan& plan) {
  spdlog::info("configuration: loaded{}", plan.changes.empty() ? "" : "; " + joined(plan.changes, "; "));
  std::string text = "loaded\n";
  text += "loaded " + plan.config.file + (plan.changes.empty() ? "; nothing that is in force changed\n" : "\n");
  for (const std::string& change : plan.changes) text += "  " + change + "\n";
  text += "certificates were read again; connections from now on use them\n";
  if (plan.needs_restart.empty()) return text;
  spdlog::warn("configuration: {}", waits_for_restart(plan));
  return text + waits_for_restart(plan) + "\n";
}

std::string answer(const Error& error) {
  spdlog::warn("configuration: {}{}", refusal(error), error.hint().empty() ? "" : " (" + error.hint() + ")");
  std::string text = "refused\nnot loaded; the configuration from before stays in force\n" + error.message() + "\n";
  return error.hint().empty() ? text : text + "  hint: " + error.hint() + "\n";
}

std::string refusal(const Error& error) {
  const auto* mistakes = dynamic_cast<const ConfigErrors*>(&error);
  return "not loaded, the one from before stays in force: " +
         (mistakes ? joined(mistakes->mistakes(), "; ") : error.message());
}

std::string waits_for_restart(const ReloadPlan& plan) {
  return "changed, but as before until the agent is restarted: " + joined(plan.needs_restart, ", ");
}

}  // namespace tributary
