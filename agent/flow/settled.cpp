#include "flow/settled.h"

namespace tributary {
namespace {

// Whether the parent has still to say what it makes of a table that came into the stream again after a pause: what it
// said before is of the time before. In another stream it is compared anyway.
bool is_resumption_unheard(const std::string& name, const ParentView& parent, const Pauses& pauses,
                           const StreamProgress& progress) {
  const auto resumed = pauses.all().resumed.find(name);
  if (resumed == pauses.all().resumed.end()) return false;
  const StreamPlace& place = resumed->second;
  if (parent.at().stream == place.stream) return parent.said_at(name) < place.seq;
  return progress.run() == 0 || progress.head().stream == place.stream;
}

Unsettled of_table(const std::string& name, RefreshState& refresh, const Pauses& pauses,
                   const StreamProgress& progress) {
  const std::string table = "table " + name;
  if (pauses.has(name)) {
    if (pauses.is_ending(name)) return {table + " was paused, and is about to be compared", {}};
    return {table + " is paused", "to go on: tributary resume " + name};
  }
  if (is_resumption_unheard(name, refresh.parent(), pauses, progress))
    return {table + " was paused, and is about to be compared", {}};
  const TableState& state = refresh.parent().table(name);
  if (!state.reason.empty()) return {table + " cannot be written at the parent: " + state.reason, state.hint};
  if (!state.is_complete && refresh.is_walk_cancelled(name))
    return {table + " is not copied to its end, because a person cancelled that", "to go on: tributary resync " + name};
  if (!state.is_complete || refresh.wanted_walk(name) || refresh.is_comparison_wanted(name))
    return {table + " is being compared and copied", "`tributary status` shows how far it is"};
  if (state.to_be_compared) {
    const std::string awaited = refresh.awaited(name);
    return {table + " is to be compared again" +
                (awaited.empty() ? "" : ", when all that " + awaited + " sends is here") +
                ": rows may be at the parent that this node does not have",
            {}};
  }
  if (refresh.parent().stale_count(name) > 0) return {"rows of " + table + " have to be sent again", {}};
  return {};
}

}  // namespace

Unsettled find_unsettled(const Config& config, RefreshState& refresh, const Pauses& pauses,
                         const StreamProgress& progress) {
  for (const TableConfig& table : config.tables) {
    const std::string name = table.full_name();
    if (progress.held().contains(name)) return {"table " + name + " is held", "`tributary status` says why"};
    if (Unsettled found = of_table(name, refresh, pauses, progress); found.is_any()) return found;
  }
  return {};
}

}  // namespace tributary
