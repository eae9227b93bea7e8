#include "monitor/status_board.h"

#include <algorithm>

#include "monitor/bounds.h"
#include "monitor/health.h"

namespace tributary {

StatusBoard::StatusBoard(const std::string& node, const std::string& tier, const std::string& version, Now now)
    : now_(std::move(now)) {
  state_.set_node(node);
  state_.set_tier(tier);
  state_.set_version(version);
  state_.set_started_at(now_());
  // Every node has a database; as long as nobody has heard of it, the node is "starting", not healthy.
  state_.mutable_database();
}

status::Child& StatusBoard::child(const std::string& node) {
  for (auto& known : *state_.mutable_children())
    if (known.node() == node) return known;
  auto& child = *state_.add_children();
  child.set_node(node);
  child.set_health(status::ATTENTION);
  child.set_state("never seen");
  return child;
}

void StatusBoard::forget_child(const std::string& node) {
  auto& children = *state_.mutable_children();
  for (int i = 0; i < children.size(); ++i) {
    if (children[i].node() != node) continue;
    for (int next = i + 1; next < children.size(); ++next) children.SwapElements(next - 1, next);
    forgotten_.emplace_back(children.ReleaseLast());
  }
  const std::string subject = "child " + node;
  auto& notices = *state_.mutable_notices();
  notices.erase(std::remove_if(notices.begin(), notices.end(),
                               [&](const status::Notice& notice) {
                                 return notice.subject() == subject || notice.subject().starts_with(subject + ", ");
                               }),
                notices.end());
}

void StatusBoard::set_notice(const std::string& subject, status::Health health, const std::string& message,
                             const std::string& hint) {
  auto& notices = *state_.mutable_notices();
  auto known =
      std::find_if(notices.begin(), notices.end(), [&](const auto& notice) { return notice.subject() == subject; });
  auto& notice = known == notices.end() ? *notices.Add() : *known;
  if (notice.health() != health || notice.since() == 0) notice.set_since(now_());
  notice.set_subject(subject);
  notice.set_health(health);
  notice.set_message(message);
  notice.set_hint(hint);
}

void StatusBoard::clear_notice(const std::string& subject) {
  auto& notices = *state_.mutable_notices();
  notices.erase(
      std::remove_if(notices.begin(), notices.end(), [&](const auto& notice) { return notice.subject() == subject; }),
      notices.end());
}

void StatusBoard::store_report(const std::string& name, status::NodeStatus report) {
  report.set_node(name);
  bound_report(report);
  *child(name).mutable_status() = std::move(report);
}

status::NodeStatus StatusBoard::snapshot() const {
  status::NodeStatus snapshot = state_;
  snapshot.set_reported_at(now_());
  for (const auto& table : snapshot.capture().tables()) {
    const auto words = rows_not_copied_in_words(table);
    if (words.empty()) continue;
    auto& notice = *snapshot.add_notices();
    notice.set_subject("table " + table.name());
    notice.set_health(status::ATTENTION);
    notice.set_message(words);
    notice.set_since(snapshot.started_at());
  }
  snapshot.set_health(health_of_own_parts(snapshot));
  auto& notices = *snapshot.mutable_notices();
  std::stable_sort(notices.pointer_begin(), notices.pointer_end(), [](const auto* a, const auto* b) {
    return std::pair(-severity(a->health()), a->since()) < std::pair(-severity(b->health()), b->since());
  });
  clean_report(snapshot);
  return snapshot;
}

status::NodeStatus StatusBoard::report_for_parent() const {
  auto report = snapshot();
  bound_report(report);
  return report;
}

}  // namespace tributary
