#include "monitor/health.h"

#include <algorithm>

#include "monitor/words.h"

namespace tributary {
namespace {

bool concerns_a_child(const status::Notice& notice) {
  return notice.subject().rfind("child ", 0) == 0;
}

std::string in_words(const std::string& subject, status::Health health, const std::string& message) {
  return subject + ": " + name_of(health) + (message.empty() ? "" : ": " + message);
}

}  // namespace

int severity(status::Health health) {
  if (health == status::OK) return 0;
  if (health == status::ATTENTION) return 2;
  if (health == status::OFFLINE) return 3;
  if (health == status::HELD) return 4;
  return 1;
}

status::Health worse(status::Health a, status::Health b) {
  return severity(b) > severity(a) ? b : a;
}

const char* name_of(status::Health health) {
  if (health == status::OK) return "healthy";
  if (health == status::ATTENTION) return "attention";
  if (health == status::OFFLINE) return "offline";
  if (health == status::HELD) return "held";
  return "starting";
}

std::vector<PartHealth> parts_of(const status::NodeStatus& node) {
  std::vector<PartHealth> parts;
  const auto add = [&](const char* name, bool is_present, const auto& part) {
    if (is_present) parts.push_back({name, part.health(), part.message()});
  };
  add("database", node.has_database(), node.database());
  add("capture", node.has_capture(), node.capture());
  add("queue", node.has_queue(), node.queue());
  add("uplink", node.has_uplink(), node.uplink());
  add("intake", node.has_intake(), node.intake());
  return parts;
}

status::Health health_of_own_parts(const status::NodeStatus& node) {
  auto health = status::OK;
  for (const auto& part : parts_of(node)) health = worse(health, part.health);
  for (const auto& notice : node.notices())
    if (!concerns_a_child(notice)) health = worse(health, notice.health());
  return health;
}

std::vector<std::string> reasons_not_ready(const status::NodeStatus& node) {
  std::vector<std::string> reasons;
  const auto parts = parts_of(node);
  const auto stands_still = [](status::Health health) { return health != status::OK && health != status::ATTENTION; };
  for (const auto& part : parts)
    if (stands_still(part.health)) reasons.push_back(in_words(part.name, part.health, part.message));
  for (const auto& notice : node.notices()) {
    const bool is_said = std::any_of(parts.begin(), parts.end(), [&](const PartHealth& part) {
      return part.name == notice.subject() && stands_still(part.health);
    });
    if (!is_said && !concerns_a_child(notice) && stands_still(notice.health()))
      reasons.push_back(in_words(notice.subject(), notice.health(), notice.message()));
  }
  for (const auto& table : node.capture().tables()) {
    const auto words = rows_not_copied_in_words(table);
    if (!words.empty()) reasons.push_back("table " + table.name() + ": " + words);
  }
  return reasons;
}

std::string rows_not_copied_in_words(const status::Table& table) {
  if (table.is_copied() || table.rows_not_copied() == 0) return {};
  if (table.rows_not_copied() < 0) return "rows from before the stream began are not counted yet";
  const auto rows = static_cast<uint64_t>(table.rows_not_copied());
  const std::string words = count_in_words(rows, "row", "rows") + " from before the stream began ";
  if (table.rows_copied() == 0) return words + "not copied to the parent yet";
  const uint64_t percent = std::min<uint64_t>(99, table.rows_copied() * 100 / rows);
  std::string rest;
  if (table.rows_per_second() >= 1) {
    const double left = static_cast<double>(rows - std::min(rows, table.rows_copied())) / table.rows_per_second();
    rest = ", " + count_in_words(static_cast<uint64_t>(table.rows_per_second())) + " rows/s, " + age_in_words(left) +
           " left";
  }
  const char* what = table.is_compared() ? "copied to the parent and being compared, " : "being copied to the parent, ";
  return words + what + std::to_string(percent) + kPercentDone + rest;
}

}  // namespace tributary
