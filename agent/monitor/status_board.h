// The one place where the agent's parts put their state, and from which the status is made.
//
//   capture, queue, uplink, intake, lanes ─▶ board ─▶ snapshot: HTTP, control socket, StatusReport to the parent
//
// Used by one thread, the io_context's; there are no locks. References that it hands out stay valid as long as the
// board. A part that the node does not have must not be asked for: asking makes it appear in the status.
#pragma once

#include <status.pb.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"

namespace tributary {

class StatusBoard {
 public:
  using Now = std::function<int64_t()>;  // Unix time in milliseconds
  StatusBoard(const std::string& node, const std::string& tier, const std::string& version,
              Now now = unix_milliseconds_now);
  StatusBoard(const StatusBoard&) = delete;
  StatusBoard& operator=(const StatusBoard&) = delete;

  status::Database& database() { return *state_.mutable_database(); }
  status::Capture& capture() { return *state_.mutable_capture(); }
  status::Queue& queue() { return *state_.mutable_queue(); }
  status::Uplink& uplink() { return *state_.mutable_uplink(); }
  status::Intake& intake() { return *state_.mutable_intake(); }
  // Appears as "never seen" when asked for the first time; children are shown in that order.
  status::Child& child(const std::string& node);
  // It is shown no more, nor what a notice said of it ("child NAME", "child NAME, ..."). References to it stay valid.
  void forget_child(const std::string& node);

  // What a person should know of `subject`: one notice per subject. `since` is the moment when it got this health,
  // whatever its words became meanwhile.
  void set_notice(const std::string& subject, status::Health health, const std::string& message,
                  const std::string& hint);
  void clear_notice(const std::string& subject);

  // Stores what a child says of itself and of everything below it, bounded (monitor/bounds.h) and under the name that
  // the child proved, whatever the report calls it.
  void store_report(const std::string& child, status::NodeStatus report);

  // Everything, with the node's health (monitor/health.h), a notice for each table with rows that are not copied, and
  // the notices worst first.
  status::NodeStatus snapshot() const;
  // The same for the parent: bounded as the parent would.
  status::NodeStatus report_for_parent() const;

 private:
  Now now_;
  status::NodeStatus state_;
  std::vector<std::unique_ptr<status::Child>> forgotten_;
};

}  // namespace tributary
