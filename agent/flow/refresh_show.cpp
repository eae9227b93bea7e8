// Refresh: what is shown of it.
#include "flow/refresh.h"
#include "monitor/words.h"
#include "source/catalogue.h"

namespace tributary {

// What of a table stands still at the parent, or waits for a person.
void Refresh::show_trouble(const std::string& table) {
  const std::string subject = "table " + table + " at the parent";
  const TableState& state = parent_.table(table);
  const std::string awaited = state.to_be_compared && state.is_complete ? state_.awaited(table) : "";
  if (!awaited.empty())
    board_.set_notice(
        subject, status::ATTENTION,
        "rows may be there that this node does not have; they are kept until all rows are here of " + awaited,
        "nothing, if " + awaited +
            " is on its way; if it is not a child any more, take its [[child]] "
            "out of the configuration");
  else if (!state.reason.empty())
    board_.set_notice(subject, status::ATTENTION, state.reason + "; its changes wait there until it is mended",
                      state.hint);
  else if (state.kept > 0 && !state.to_be_compared)
    board_.set_notice(subject, status::ATTENTION,
                      count_in_words(state.kept, "row", "rows") +
                          " that this node does not have are kept there: they were more than a refresh may delete",
                      "if they are to go: tributary resync " + table + " --delete-extra");
  else if (!state.is_complete && state_.is_walk_cancelled(table))
    board_.set_notice(subject, status::ATTENTION,
                      "a person stopped its refresh at " + count_in_words(state.rows, "row", "rows") +
                          "; rows behind that may be older ones there until it has come to its end",
                      "tributary resync " + table + " goes on with it");
  else
    board_.clear_notice(subject);
}

void Refresh::show() {
  for (status::Table& shown : *board_.capture().mutable_tables()) {
    const TableState& state = parent_.table(shown.name());
    shown.set_rows_copied(state.rows);
    shown.set_is_compared(state.is_loaded && !state.is_complete);
    shown.set_rows_per_second(state.is_complete ? 0 : rows_per_second(state));
    shown.set_is_copied(is_usable() && state.is_complete);
    shown.set_stale_rows(parent_.stale_count(shown.name()));
    shown.set_kept_rows(state.kept);
    if (const auto verified = state_.verified().find(shown.name()); verified != state_.verified().end())
      *shown.mutable_verified() = verified->second;
    show_trouble(shown.name());
  }
  *board_.capture().mutable_verification() = state_.verification();
}

double Refresh::rows_per_second(const TableState& state) {
  constexpr auto kSampleTime = std::chrono::seconds(3);
  Progress& progress = progress_[state.table];
  const auto now = Clock::now();
  const std::chrono::duration<double> time = now - progress.since;
  if (progress.since == Clock::time_point{} || state.rows < progress.rows) {
    progress = {now, state.rows, 0};
  } else if (time >= kSampleTime) {
    progress = {now, state.rows, static_cast<double>(state.rows - progress.rows) / time.count()};
  }
  return progress.per_second;
}

// Rows from before the stream are counted no more when they are all there.
Task<> Refresh::record(Connection& connection) {
  show();
  for (const TableConfig& table : config_.tables)
    for (status::Table& shown : *board_.capture().mutable_tables()) {
      if (shown.name() != table.full_name() || !shown.is_copied() || shown.rows_not_copied() == 0) continue;
      shown.set_rows_not_copied(0);
      co_await record_copied(connection, table.schema, table.name);
      break;
    }
}

}  // namespace tributary
