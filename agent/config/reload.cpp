#include "config/reload.h"

#include <algorithm>

namespace tributary {
namespace {

const std::string& name_of(const ChildConfig& child) {
  return child.name;
}
std::string name_of(const TableConfig& table) {
  return table.full_name();
}

template <typename Entry>
const Entry* find(const std::vector<Entry>& entries, const std::string& name) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return name_of(e) == name; });
  return found == entries.end() ? nullptr : &*found;
}

// What became of the [[table]]s or [[child]]ren.
template <typename Entry>
void compare(const std::string& section, const std::vector<Entry>& before, const std::vector<Entry>& after,
             std::vector<std::string>& changes) {
  const auto say = [&](const Entry& entry, const char* what) {
    changes.push_back(section + " " + name_of(entry) + ": " + what);
  };
  for (const Entry& entry : after) {
    const Entry* old = find(before, name_of(entry));
    if (!old)
      say(entry, "added");
    else if (*old != entry)
      say(entry, "changed");
  }
  for (const Entry& entry : before)
    if (!find(after, name_of(entry))) say(entry, "removed");
}

// [intake] without its children and what concerns none of them.
IntakeConfig common_part(IntakeConfig intake) {
  intake.listen.clear();
  intake.children.clear();
  intake.connections_max = 0;
  return intake;
}

void compare_intake(const IntakeConfig& before, const IntakeConfig& after, std::vector<std::string>& changes) {
  compare("[[child]]", before.children, after.children, changes);
  if (before.connections_max != after.connections_max)
    changes.push_back("[intake] connections: " + std::to_string(after.connections_max));
  if (common_part(before) != common_part(after)) changes.emplace_back("[intake]: changed, for all children");
}

}  // namespace

ReloadPlan plan_reload(const Config& now, const Config& read) {
  ReloadPlan plan;
  Config& next = plan.config = now;
  const auto restart = [&](const char* what) { plan.needs_restart.emplace_back(what); };
  const auto take = [&](auto& value, const auto& wanted, const char* words) {
    if (value == wanted) return;
    value = wanted;
    plan.changes.emplace_back(words);
  };
  if (read.node != now.node) restart("[node]");
  if (read.database != now.database) restart("[database]");
  if (read.status != now.status) restart("[status]");
  if (read.queue.path != now.queue.path) restart("[queue] path");

  if (read.parent.has_value() != now.parent.has_value()) {
    restart("[parent] and its [[table]]");
  } else {
    compare("[[table]]", now.tables, read.tables, plan.changes);
    next.tables = read.tables;
    take(next.parent, read.parent, "[parent]: changed, this node connects to it again");
  }
  if (read.intake.has_value() != now.intake.has_value()) {
    restart("[intake] and its [[child]]");
  } else if (read.intake) {
    compare_intake(*now.intake, *read.intake, plan.changes);
    next.intake = read.intake;
    next.intake->listen = now.intake->listen;
    if (read.intake->listen != now.intake->listen) restart("[intake] listen");
  }
  QueueConfig queue = read.queue;
  queue.path = now.queue.path;
  take(next.queue, queue, "[queue]: changed");
  take(next.tls, read.tls, "[tls]: other files, for connections from now on");
  take(next.refresh, read.refresh, "[refresh]: changed");
  take(next.verify, read.verify, "[verify]: changed");
  take(next.log, read.log, "[log]: changed");

  // Sections that nothing above knows.
  Config rest = read;
  rest.file = next.file;
  rest.node = next.node;
  rest.database = next.database;
  rest.tables = next.tables;
  rest.parent = next.parent;
  rest.intake = next.intake;
  rest.tls = next.tls;
  rest.queue = next.queue;
  rest.refresh = next.refresh;
  rest.verify = next.verify;
  rest.status = next.status;
  rest.log = next.log;
  if (rest != next) restart("other sections");
  return plan;
}

bool is_same_for_child(const IntakeConfig& before, const IntakeConfig& after, const std::string& child) {
  const ChildConfig* old = find(before.children, child);
  const ChildConfig* now = find(after.children, child);
  return old && now && *old == *now && common_part(before) == common_part(after) &&
         (before.children.size() == 1) == (after.children.size() == 1);  // an only child may clear whole tables
}

}  // namespace tributary
