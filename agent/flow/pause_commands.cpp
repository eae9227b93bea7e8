#include "flow/pause_commands.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "monitor/words.h"

namespace tributary {
namespace {

constexpr char kSending[] = "sending";

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

std::string what_there_is(const Config& config) {
  std::vector<std::string> tables, children;
  for (const TableConfig& table : config.tables) tables.push_back(table.full_name());
  if (config.intake)
    for (const ChildConfig& child : config.intake->children) children.push_back(child.name);
  std::string text;
  if (config.parent) text = "tables that it sends: " + joined(tables);
  if (config.intake) text += (text.empty() ? "" : "; ") + ("children: " + joined(children));
  return text;
}

std::string moment(int64_t since) {
  return since_in_words(since, unix_milliseconds_now());
}

status::CommandAnswer done(const std::string& message) {
  status::CommandAnswer answer;
  answer.set_is_done(true);
  answer.set_message(message);
  return answer;
}

status::CommandAnswer refused(const std::string& message, const std::string& hint) {
  status::CommandAnswer answer;
  answer.set_message(message);
  answer.set_hint(hint);
  return answer;
}

Task<status::CommandAnswer> pause_sending(PauseDesk desk) {
  const std::string parent = desk.config.parent->name;
  int64_t already = 0;
  const auto change = [&](Pauses::All& all) {
    already = all.sending_since;
    if (already == 0) all.sending_since = unix_milliseconds_now();
  };
  co_await desk.pauses.change(change);
  if (already != 0) co_return done("sending to " + parent + " is paused already, since " + moment(already));
  spdlog::info("uplink: a person paused the sending");
  co_return done("paused: nothing is sent to " + parent +
                 "; what changes waits in the queue\n  to go on: tributary resume");
}

Task<status::CommandAnswer> resume_sending(PauseDesk desk) {
  const std::string parent = desk.config.parent->name;
  bool was_paused = false;
  const auto change = [&](Pauses::All& all) { was_paused = std::exchange(all.sending_since, 0) != 0; };
  co_await desk.pauses.change(change);
  if (!was_paused) {
    std::vector<std::string> paused;
    for (const std::string& table : desk.pauses.tables()) paused.push_back(table);
    co_return refused("sending to " + parent + " is not paused",
                      paused.empty() ? "" : "paused tables, each to be named: " + joined(paused));
  }
  spdlog::info("uplink: a person ended the pause");
  co_return done("resumed: what waits is sent to " + parent);
}

Task<status::CommandAnswer> pause_table(PauseDesk desk, std::string table) {
  int64_t already = 0;
  const auto change = [&](Pauses::All& all) { already = all.pause(table, unix_milliseconds_now()); };
  co_await desk.pauses.change(change);
  if (already != 0) co_return done("table " + table + " is paused already, since " + moment(already));
  spdlog::info("capture: a person paused table {}", table);
  co_return done("paused: changes of " + table + " are not sent to " + desk.config.parent->name +
                 "; at the end the table is compared, and what differs is sent\n  to go on: tributary resume " + table);
}

Task<status::CommandAnswer> resume_table(PauseDesk desk, std::string table) {
  bool was_paused = false;
  const auto change = [&](Pauses::All& all) { was_paused = all.resume(table); };
  co_await desk.pauses.change(change);
  if (!was_paused) co_return refused("table " + table + " is not paused", "");
  spdlog::info("capture: a person ended the pause of table {}", table);
  co_return done("resumed: " + table + " is compared with " + desk.config.parent->name +
                 "'s, and what differs is sent\n" +
                 "  `tributary status` shows how far it is, `tributary wait` waits for it");
}

Task<status::CommandAnswer> pause_child(PauseDesk desk, std::string child) {
  const int64_t since = co_await desk.children.since(child);
  if (since != 0) co_return done("child " + child + " is paused already, since " + moment(since));
  co_await desk.children.pause(child);
  co_return done("paused: what " + child + " sends is not applied; it waits at " + child +
                 "\n  to go on: tributary resume " + child);
}

Task<status::CommandAnswer> resume_child(PauseDesk desk, std::string child) {
  const int64_t since = co_await desk.children.since(child);
  if (since == 0) co_return refused("child " + child + " is not paused", "");
  co_await desk.children.resume(child);
  co_return done("resumed: what " + child + " sends is applied");
}

}  // namespace

PauseTarget find_pause_target(const Config& config, const std::string& name, bool is_child) {
  const auto refuse = [&](const std::string& message, const std::string& hint) {
    throw Error(ErrorKind::refused, message, hint);
  };
  if (name.empty()) {
    if (config.parent) return {};
    refuse("this node has no parent, so it sends nothing that could be paused",
           "name a child; " + what_there_is(config));
  }
  PauseTarget target;
  // "document" means "public.document", unless there is another table of that name.
  for (const TableConfig& table : config.tables) {
    if (!config.parent || is_child) break;
    if (table.full_name() == name) target.table = name;
    if (table.name != name || target.table == name) continue;
    if (!target.table.empty())
      refuse("several tables are called " + name, "name it with its schema; " + what_there_is(config));
    target.table = table.full_name();
  }
  if (config.intake && std::any_of(config.intake->children.begin(), config.intake->children.end(),
                                   [&](const ChildConfig& child) { return child.name == name; }))
    target.child = name;
  if (!target.table.empty() && !target.child.empty())
    refuse(name + " is a table and a child here",
           "say " + target.table + " for the table, or --child " + name + " for the child");
  if (target.table.empty() && target.child.empty())
    refuse(is_child ? "this node has no child " + name : "this node has no table or child " + name,
           what_there_is(config));
  return target;
}

Task<status::CommandAnswer> pause(PauseDesk desk, std::string name, bool is_child) {
  try {
    const PauseTarget target = find_pause_target(desk.config, name, is_child);
    if (!target.child.empty()) co_return co_await pause_child(desk, target.child);
    if (!target.table.empty()) co_return co_await pause_table(desk, target.table);
    co_return co_await pause_sending(desk);
  } catch (const Error& error) {
    co_return refused(error.message(), error.hint());
  }
}

Task<status::CommandAnswer> resume(PauseDesk desk, std::string name, bool is_child) {
  try {
    const PauseTarget target = find_pause_target(desk.config, name, is_child);
    if (!target.child.empty()) co_return co_await resume_child(desk, target.child);
    if (!target.table.empty()) co_return co_await resume_table(desk, target.table);
    co_return co_await resume_sending(desk);
  } catch (const Error& error) {
    co_return refused(error.message(), error.hint());
  }
}

void show_pauses(const Config& config, const Pauses& pauses, StatusBoard& board) {
  if (!config.parent) return;
  const int64_t now = unix_milliseconds_now();
  const int64_t sending = pauses.sending_since();
  board.uplink().set_paused_since(sending);
  if (sending != 0)
    board.set_notice(kSending, status::ATTENTION,
                     "paused since " + time_in_words(sending, now) + "; what changes waits in the queue",
                     "to go on: tributary resume");
  else
    board.clear_notice(kSending);
  for (const TableConfig& table : config.tables) {
    const std::string name = table.full_name(), subject = "pause of table " + name;
    const auto found = pauses.all().tables.find(name);
    const bool is_paused = found != pauses.all().tables.end();
    for (status::Table& shown : *board.capture().mutable_tables())
      if (shown.name() == name) shown.set_paused_since(is_paused ? found->second.since : 0);
    if (!is_paused)
      board.clear_notice(subject);
    else if (found->second.is_ending)
      board.set_notice(subject, status::ATTENTION, "it is about to end; then the table is compared", "");
    else
      board.set_notice(subject, status::ATTENTION,
                       "since " + time_in_words(found->second.since, now) + " its changes do not go to " +
                           config.parent->name + "; at the end it is compared",
                       "to go on: tributary resume " + name);
  }
}

}  // namespace tributary
