#include "flow/wait.h"

#include <charconv>

#include "base/clock.h"
#include "config/quantities.h"
#include "flow/settled.h"
#include "monitor/words.h"
#include "postgres/connection.h"
#include "refresh/chunk_reader.h"

namespace tributary {
namespace {

// Where it lies in the stream: "run/stream/seq". In another run of capture the number may mean another transaction.
std::string place_at_head(const StreamProgress& progress) {
  return std::to_string(progress.run()) + "/" + progress.head().stream.to_string() + "/" +
         std::to_string(progress.head().seq);
}

struct Place {
  Uuid stream;
  uint64_t seq = 0;
};

std::optional<Place> place_of(const std::string& text, const StreamProgress& progress) {
  const std::string run = std::to_string(progress.run()) + "/";
  const size_t end = text.rfind('/');
  if (!text.starts_with(run) || end <= run.size()) return std::nullopt;
  Place place;
  place.stream = Uuid::parse(text.substr(run.size(), end - run.size()));
  const char* last = text.data() + text.size();
  if (std::from_chars(text.data() + end + 1, last, place.seq).ptr != last) return std::nullopt;
  return place;
}

// What is committed without waiting for the disk is in the log, but the log is not on the disk: the mark's own commit
// takes it there.
Task<std::string> end_of_log(const Config& config) {
  const auto session = co_await Connection::open(config.database.connection, Purpose::session,
                                                 "tributary " + config.node.name + " wait");
  co_await session->query("SET synchronous_commit = local");
  const Result end = co_await session->query("SELECT pg_current_wal_insert_lsn()");
  co_await session->query("SELECT pg_logical_emit_message(true, " + quote_literal(kMarkPrefix) + ", 'wait')");
  co_return end.text(0, 0);
}

void say(status::WaitReport& report, const std::string& because, const std::string& hint = {}) {
  report.set_because(because);
  report.set_hint(hint);
}

std::string what_waits(const status::Queue& queue) {
  return count_in_words(queue.batches(), "batch", "batches") + ", " + format_size(queue.bytes()) + ", the oldest for " +
         age_in_words(queue.oldest_seconds());
}

// Why it is not at the parent yet.
void say_of_parent(const WhatIsAbove& known, status::WaitReport& report) {
  const std::string& parent = known.config.parent->name;
  const int64_t now = unix_milliseconds_now();
  const status::NodeStatus status = known.board.snapshot();
  const status::Uplink& uplink = status.uplink();
  const std::string hint = "`tributary status` shows more";
  if (const int64_t since = known.pauses.sending_since(); since != 0)
    return say(report, "this node's sending is paused since " + since_in_words(since, now),
               "to go on: tributary resume");
  if (uplink.connected_since() == 0) {
    std::string words = "the link to " + parent + " is down";
    if (uplink.offline_since() != 0) words += " since " + since_in_words(uplink.offline_since(), now);
    if (!uplink.message().empty()) words += ": " + uplink.message();
    return say(report, words, hint);
  }
  if (uplink.health() != status::OK && uplink.state() == "paused")
    return say(report, "this node is " + uplink.message(),
               "to go on, at " + parent + ": tributary resume " + known.config.node.name);
  if (uplink.health() != status::OK)
    return say(report, parent + " holds this node's stream: " + uplink.message(), hint);
  if (status.queue().batches() > 0)
    return say(report, "on the way to " + parent + ": " + what_waits(status.queue()), hint);
  say(report, "on the way to " + parent, hint);
}

void say_of_capture(const WhatIsAbove& known, status::WaitReport& report) {
  const status::Capture& capture = known.board.capture();
  if (capture.health() != status::OK && !capture.message().empty())
    return say(report, "the log is not read: " + capture.message(), "`tributary status` shows more");
  say(report, "the log is read up to " + known.progress.log().to_string() + ", and not yet to " + report.log());
}

bool is_at_parent(const WhatIsAbove& known, const Place& place, status::WaitReport& report) {
  const ParentView& parent = known.refresh.parent();
  if (parent.at().stream != place.stream || parent.at().seq < place.seq) {
    say_of_parent(known, report);
    return false;
  }
  const Unsettled unsettled = find_unsettled(known.config, known.refresh, known.pauses, known.progress);
  if (!unsettled.is_any()) return true;
  // What settles it lies behind this place: the nodes above have it when they have another one, at the end of the
  // stream then.
  report.clear_place();
  if (known.board.uplink().connected_since() == 0)
    say_of_parent(known, report);
  else
    say(report, unsettled.reason, unsettled.hint);
  return false;
}

bool is_at_top(const WhatIsAbove& known, const Place& place, status::WaitReport& report) {
  const Tiers tiers = known.above.tiers();
  if (!tiers.is_complete || tiers.above.empty()) {
    const std::string last = tiers.above.empty() ? known.config.parent->name : tiers.above.back().node;
    report.set_waits_for("the top of the hierarchy");
    say(report, "which nodes there are above " + last + " is not known yet",
        "`tributary status` at " + last + " says more");
    return false;
  }
  report.set_waits_for(tiers.above.back().node);
  const std::string* below = &known.config.node.name;
  for (const TierPosition& tier : tiers.above) {
    const bool has_it = known.above.stream() == place.stream && tier.seq && *tier.seq >= place.seq;
    if (!has_it) {
      say(report, "it is at " + *below + ", and not known to be at " + tier.node,
          "`tributary status` at " + *below + " says more");
      return false;
    }
    below = &tier.node;
  }
  return true;
}

}  // namespace

Task<status::WaitReport> look_above(WhatIsAbove known, std::string log, std::string place, bool to_top) {
  status::WaitReport report;
  report.set_log(log);
  report.set_place(place);
  if (!known.config.parent) {
    report.set_is_done(true);
    report.set_because("this node is the top: there is nothing above it");
    co_return report;
  }
  report.set_waits_for(known.config.parent->name);
  try {
    if (log.empty()) report.set_log(co_await end_of_log(known.config));
    std::optional<Place> found = place_of(report.place(), known.progress);
    if (!found && known.progress.run() != 0 && Lsn::parse(report.log()) <= known.progress.log()) {
      report.set_place(place_at_head(known.progress));
      found = place_of(report.place(), known.progress);
    }
    if (!found)
      say_of_capture(known, report);
    else if (is_at_parent(known, *found, report))
      report.set_is_done(!to_top || is_at_top(known, *found, report));
  } catch (const Error& error) {
    say(report, error.message(), error.hint());
  }
  co_return report;
}

}  // namespace tributary
