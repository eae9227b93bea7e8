#include "flow/guard.h"

#include <spdlog/spdlog.h>

#include "flow/replication_set.h"

namespace tributary {
namespace {

constexpr auto kLookInterval = std::chrono::seconds(15);
constexpr auto kLookIntervalWhileHeld = std::chrono::seconds(3);

}  // namespace

Guard::Guard(const Config& config, StatusBoard& board, std::string replication_set,
             const std::vector<SourceTable>& tables)
    : config_(config), board_(board), replication_set_(std::move(replication_set)) {
  show(tables);
}

// The next run may have another configuration.
Guard::~Guard() {
  for (const std::string& table : held_) board_.clear_notice("table " + table);
}

void Guard::show(const std::vector<SourceTable>& tables) {
  for (const SourceTable& table : tables) {
    const std::string name = table.relation.full_name(), subject = "table " + name;
    if (table.trouble.message.empty()) {
      held_.erase(name);
      board_.clear_notice(subject);
      continue;
    }
    if (held_.insert(name).second)
      spdlog::warn("capture: table {} is held: {} ({})", name, table.trouble.message, table.trouble.hint);
    board_.set_notice(
        subject, status::HELD,
        table.trouble.message + "; none of its changes are sent until that is mended, then the table is compared",
        table.trouble.hint);
  }
}

void Guard::compare(const std::vector<SourceTable>& tables) {
  if (describe_replication_set(config_, tables, replication_set_) == replication_set_) return show(tables);
  throw Error(ErrorKind::resource, "what the publication " + config_.publication() +
                                       " holds was changed: nothing more is read before it is looked at");
}

Task<> Guard::run() {
  for (;;) {
    co_await sleep_for(held_.empty() ? kLookInterval : kLookIntervalWhileHeld);
    // A session of its own: capture's may be evaluating a filter. Where none is to be had, the next look will do.
    std::optional<Error> failure;
    std::vector<SourceTable> tables;
    try {
      const auto session =
          co_await Connection::open(config_.database.connection, Purpose::session, "tributary " + config_.node.name);
      tables = co_await read_replication_set(*session, config_);
    } catch (const Error& error) {
      failure = error;
    }
    if (!failure)
      compare(tables);
    else if (failure->kind() == ErrorKind::setup && failure->sqlstate().empty())
      throw *failure;
  }
}

}  // namespace tributary
