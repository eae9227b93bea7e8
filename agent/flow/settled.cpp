#include "flow/settled.h"

namespace tributary {
namespace {

Unsettled of_table(const std::string& name, RefreshState& refresh, const Pauses& pauses) {
  const std::string table = "table " + name;
  if (pauses.has(name)) {
    if (pauses.is_ending(name)) return {table + " was paused, and is about to be compared", {}};
    return {table + " is paused", "to go on: tributary resume " + name};
  }
  const TableState& state = refresh.parent().table(name);
  if (!state.reason.empty()) return {table + " cannot be written at the parent: " + state.reason, state.hint};
  if (!state.is_complete && refresh.is_walk_cancelled(name))
    return {table + " is not copied to its end, because a person cancelled that", "to go on: tributary resync " + name};
  if (!state.is_complete || refresh.wanted_walk(name) || refresh.is_comparison_wanted(name))
    return {table + " is being compared and copied", "`tributary status` shows how far it is"};
  if (refresh.parent().stale_count(name) > 0) return {"rows of " + table + " have to be sent again", {}};
  return {};
}

}  // namespace

Unsettled find_unsettled(const Config& config, RefreshState& refresh, const Pauses& pauses,
                         const StreamProgress& progress) {
  for (const TableConfig& table : config.tables) {
    const std::string name = table.full_name();
    if (progress.held().contains(name)) return {"table " + name + " is held", "`tributary status` says why"};
    if (Unsettled found = of_table(name, refresh, pauses); found.is_any()) return found;
  }
  return {};
}

}  // namespace tributary
