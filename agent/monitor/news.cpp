#include "monitor/news.h"

#include <algorithm>

#include "monitor/health.h"

namespace tributary {
namespace {

constexpr std::chrono::milliseconds kNewsPause = std::chrono::seconds(5);
constexpr std::chrono::milliseconds kFiguresPause = std::chrono::seconds(30);
constexpr size_t kNewsBytesPerSecond = 4800;  // before packing, which leaves a sixth of a large report
constexpr size_t kFiguresBytesPerSecond = 1200;

std::chrono::milliseconds time_for(size_t bytes, size_t bytes_per_second) {
  return std::chrono::milliseconds(bytes * 1000 / bytes_per_second);
}

}  // namespace

status::NodeStatus without_figures(status::NodeStatus report) {
  report.clear_reported_at();
  if (report.has_capture()) {
    auto& capture = *report.mutable_capture();
    capture.clear_received_lsn();
    capture.clear_confirmed_lsn();
    capture.clear_transactions();
    capture.clear_changes();
    for (status::Table& table : *capture.mutable_tables()) {
      table.clear_rows_copied();
      table.clear_rows_per_second();
      table.clear_stale_rows();
    }
    if (capture.verification().state() == status::Verification::UNDER_WAY) capture.clear_verification();
  }
  // How far a table is copied.
  for (status::Notice& notice : *report.mutable_notices())
    if (notice.message().find(kPercentDone) != std::string::npos) notice.clear_message();
  if (report.has_queue()) {
    const status::Health health = report.queue().health();
    const std::string message = report.queue().message();
    report.clear_queue();
    report.mutable_queue()->set_health(health);
    report.mutable_queue()->set_message(message);
  }
  if (report.has_uplink()) {
    auto& uplink = *report.mutable_uplink();
    uplink.clear_sent_position();
    uplink.clear_applied_position();
    uplink.clear_batches_in_flight();
    uplink.clear_round_trip_ms();
    uplink.clear_clock_offset_ms();
    uplink.clear_tiers();
  }
  for (status::Child& child : *report.mutable_children()) {
    child.clear_applied_position();
    child.clear_lag_seconds();
    child.clear_transactions();
    child.clear_changes();
    if (child.has_status()) *child.mutable_status() = without_figures(std::move(*child.mutable_status()));
  }
  return report;
}

std::chrono::milliseconds pause_before_news(size_t bytes) {
  return std::max(kNewsPause, time_for(bytes, kNewsBytesPerSecond));
}

std::chrono::milliseconds pause_before_figures(size_t bytes) {
  return std::max(kFiguresPause, time_for(bytes, kFiguresBytesPerSecond));
}

}  // namespace tributary
