#include "monitor/metrics.h"

#include <prometheus/text_serializer.h>

#include <charconv>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "base/error.h"
#include "monitor/health.h"

namespace tributary {
namespace {

constexpr bool kCounter = true, kGauge = false;

constexpr MetricDescription kMetrics[] = {
    {"tributary_node_info", kGauge, "1; its labels say what the node is."},
    {"tributary_node_health", kGauge, "0 healthy, 1 starting, 2 attention, 3 offline, 4 held."},
    {"tributary_node_notices", kGauge, "Things that a person should know, by how bad they are."},
    {"tributary_node_reported_timestamp_seconds", kGauge, "When the node said all this, by its own clock."},
    {"tributary_node_started_timestamp_seconds", kGauge, "When the node's agent started."},
    {"tributary_database_up", kGauge, "1 while the agent has a session with its PostgreSQL."},

    {"tributary_capture_up", kGauge, "1 while the write-ahead log is read and nothing is wrong with it."},
    {"tributary_capture_transactions_total", kCounter, "Transactions captured since the agent started."},
    {"tributary_capture_changes_total", kCounter, "Changes captured since the agent started."},
    {"tributary_capture_received_wal_bytes", kGauge, "End of the last write-ahead log heard of, as a byte position."},
    {"tributary_capture_confirmed_wal_bytes", kGauge,
     "What PostgreSQL was told that it may forget, as a byte position."},

    {"tributary_lag_seconds", kGauge, "Age of the oldest change that the parent has not applied; 0: there is none."},
    {"tributary_queue_up", kGauge, "1 while the queue takes what is captured."},
    {"tributary_queue_batches", kGauge, "Batches that the parent has not applied."},
    {"tributary_queue_bytes", kGauge, "Bytes of these batches, as they are stored."},
    {"tributary_queue_file_bytes", kGauge, "Size of the queue's file."},
    {"tributary_queue_disk_free_bytes", kGauge, "Free space on the queue's disk."},

    {"tributary_uplink_connected", kGauge, "1 while the node is connected with its parent."},
    {"tributary_uplink_held", kGauge, "1 while the parent holds the node's stream until a person acts."},
    {"tributary_uplink_offline_seconds", kGauge, "For how long the node has not been connected; 0 while it is."},
    {"tributary_uplink_batches_in_flight", kGauge, "Batches sent and not acknowledged."},
    {"tributary_uplink_round_trip_seconds", kGauge, "To the parent and back."},
    {"tributary_uplink_clock_offset_seconds", kGauge, "The parent's clock minus the node's."},

    {"tributary_intake_up", kGauge, "1 while children may connect."},
    {"tributary_child_connected", kGauge, "1 while the child is connected with the node."},
    {"tributary_child_held", kGauge, "1 while the child's stream stands still until a person acts."},
    {"tributary_child_offline_seconds", kGauge, "For how long the child has not been connected; 0 while it is."},
    {"tributary_child_lag_seconds", kGauge,
     "Age of the oldest change that came from the child and is not applied; 0: there is none."},
    {"tributary_child_transactions_total", kCounter, "The child's transactions applied in its last session."},
    {"tributary_child_changes_total", kCounter, "The child's changes applied in its last session."},

    {"tributary_table_copied", kGauge, "1 when every row from before the stream has come to the parent."},
    {"tributary_table_walked_rows", kGauge, "Rows that the copy or comparison of a whole table has gone past."},
    {"tributary_table_walked_rows_per_second", kGauge, "Its speed, lately; 0 while it stands."},
    {"tributary_table_not_copied_rows", kGauge,
     "Rows from before the stream that are not at the parent; none shown while they are not counted."},
    {"tributary_table_stale_rows", kGauge, "Rows that are missing or older at the parent until they were sent again."},
    {"tributary_table_kept_rows", kGauge, "Rows that only the parent has, and about which a person has to decide."},

    {"tributary_verification_under_way", kGauge, "1 while tables are compared with the parent's."},
    {"tributary_verification_started_timestamp_seconds", kGauge, "When the last comparison began; 0: none has."},
    {"tributary_verification_finished_timestamp_seconds", kGauge,
     "When the table was last compared to its end; absent: it never was."},
    {"tributary_verification_compared", kGauge, "1 if it could be compared then, 0 if the parent refused."},
    {"tributary_verification_mended", kGauge, "1 if what differed was mended."},
    {"tributary_verification_rows", kGauge, "Rows that were compared."},
    {"tributary_verification_missing_rows", kGauge, "Rows that the parent did not have."},
    {"tributary_verification_different_rows", kGauge, "Rows with other values at the parent."},
    {"tributary_verification_extra_rows", kGauge, "Rows that only the parent had."},
    {"tributary_verification_finding_rows", kGauge, "Of the rows that were looked at: what likely made them differ."},
};

using Labels = std::vector<prometheus::ClientMetric::Label>;

// "0/16B3748"
std::optional<double> bytes_of_lsn(std::string_view lsn) {
  const size_t slash = lsn.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  uint32_t high = 0, low = 0;
  const char* end = lsn.data() + lsn.size();
  if (std::from_chars(lsn.data(), lsn.data() + slash, high, 16).ptr != lsn.data() + slash ||
      std::from_chars(lsn.data() + slash + 1, end, low, 16).ptr != end)
    return std::nullopt;
  return static_cast<double>(uint64_t{high} << 32 | low);
}

double truth(bool is_true) {
  return is_true ? 1 : 0;
}
double seconds(int64_t milliseconds) {
  return static_cast<double>(milliseconds) / 1000;
}
double count(uint64_t number) {
  return static_cast<double>(number);
}

class Page {
 public:
  Page() {
    for (const MetricDescription& metric : kMetrics) places_.emplace(metric.name, places_.size());
    families_.resize(places_.size());
    seen_.resize(places_.size());
    for (const auto& [name, place] : places_) {
      families_[place].name = name;
      families_[place].help = kMetrics[place].help;
      families_[place].type =
          kMetrics[place].is_counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    }
  }

  void add(std::string_view name, Labels labels, double value) {
    const auto found = places_.find(name);
    if (found == places_.end()) throw Error(ErrorKind::internal, "an undescribed metric " + std::string(name));
    std::vector<std::string> values;
    for (const auto& label : labels) values.push_back(label.value);
    if (!seen_[found->second].insert(std::move(values)).second) return;
    prometheus::ClientMetric& sample = families_[found->second].metric.emplace_back();
    sample.label = std::move(labels);
    sample.gauge.value = sample.counter.value = value;
  }

  std::string take() {
    std::erase_if(families_, [](const prometheus::MetricFamily& family) { return family.metric.empty(); });
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  std::map<std::string_view, size_t> places_;
  std::vector<prometheus::MetricFamily> families_;
  std::vector<std::set<std::vector<std::string>>> seen_;
};

const char* name_of_reason(status::Finding::Reason reason) {
  if (reason == status::Finding::EDITED) return "edited";
  if (reason == status::Finding::DELETED) return "deleted";
  if (reason == status::Finding::INSERTED) return "inserted";
  if (reason == status::Finding::NOT_OWNED) return "not_owned";
  if (reason == status::Finding::TRIGGER) return "trigger";
  if (reason == status::Finding::WRITTEN_OTHERWISE) return "written_otherwise";
  if (reason == status::Finding::REFUSED) return "refused";
  return "unknown";
}

void add_own(Page& page, const status::NodeStatus& node, const Labels& labels) {
  Labels about = labels;
  about.push_back({"tier", node.tier()});
  about.push_back({"version", node.version()});
  page.add("tributary_node_info", std::move(about), 1);
  page.add("tributary_node_health", labels, severity(node.health()));
  for (const status::Health health : {status::ATTENTION, status::OFFLINE, status::HELD}) {
    uint64_t notices = 0;
    for (const status::Notice& notice : node.notices()) notices += notice.health() == health;
    Labels by_health = labels;
    by_health.push_back({"health", name_of(health)});
    page.add("tributary_node_notices", std::move(by_health), count(notices));
  }
  page.add("tributary_node_reported_timestamp_seconds", labels, seconds(node.reported_at()));
  page.add("tributary_node_started_timestamp_seconds", labels, seconds(node.started_at()));
  page.add("tributary_database_up", labels, truth(node.database().health() == status::OK));
  if (node.has_intake()) page.add("tributary_intake_up", labels, truth(node.intake().health() == status::OK));
}

void add_verified(Page& page, const status::VerifiedTable& table, const Labels& labels) {
  page.add("tributary_verification_finished_timestamp_seconds", labels, seconds(table.finished_at()));
  page.add("tributary_verification_compared", labels, truth(table.message().empty()));
  page.add("tributary_verification_mended", labels, truth(table.is_mended()));
  page.add("tributary_verification_rows", labels, count(table.rows()));
  page.add("tributary_verification_missing_rows", labels, count(table.missing()));
  page.add("tributary_verification_different_rows", labels, count(table.different()));
  page.add("tributary_verification_extra_rows", labels, count(table.extra()));
  std::map<std::string, uint64_t> by_reason;
  for (const status::Finding& finding : table.findings()) by_reason[name_of_reason(finding.reason())] += finding.rows();
  for (const auto& [reason, rows] : by_reason) {
    Labels of_reason = labels;
    of_reason.push_back({"reason", reason});
    page.add("tributary_verification_finding_rows", std::move(of_reason), count(rows));
  }
}

void add_capture(Page& page, const status::Capture& capture, const Labels& labels) {
  page.add("tributary_capture_up", labels, truth(capture.health() == status::OK));
  page.add("tributary_capture_transactions_total", labels, count(capture.transactions()));
  page.add("tributary_capture_changes_total", labels, count(capture.changes()));
  if (const auto bytes = bytes_of_lsn(capture.received_lsn()))
    page.add("tributary_capture_received_wal_bytes", labels, *bytes);
  if (const auto bytes = bytes_of_lsn(capture.confirmed_lsn()))
    page.add("tributary_capture_confirmed_wal_bytes", labels, *bytes);
  for (const status::Table& table : capture.tables()) {
    Labels of_table = labels;
    of_table.push_back({"table", table.name()});
    page.add("tributary_table_copied", of_table, truth(table.is_copied()));
    page.add("tributary_table_walked_rows", of_table, count(table.rows_copied()));
    page.add("tributary_table_walked_rows_per_second", of_table, table.rows_per_second());
    if (table.rows_not_copied() >= 0)
      page.add("tributary_table_not_copied_rows", of_table, static_cast<double>(table.rows_not_copied()));
    page.add("tributary_table_stale_rows", of_table, count(table.stale_rows()));
    page.add("tributary_table_kept_rows", of_table, count(table.kept_rows()));
    if (table.has_verified()) add_verified(page, table.verified(), of_table);
  }
  const status::Verification& verification = capture.verification();
  page.add("tributary_verification_under_way", labels, truth(verification.state() == status::Verification::UNDER_WAY));
  page.add("tributary_verification_started_timestamp_seconds", labels, seconds(verification.started_at()));
}

void add_queue(Page& page, const status::Queue& queue, const Labels& labels) {
  page.add("tributary_lag_seconds", labels, queue.oldest_seconds());
  page.add("tributary_queue_up", labels, truth(queue.health() == status::OK));
  page.add("tributary_queue_batches", labels, count(queue.batches()));
  page.add("tributary_queue_bytes", labels, count(queue.bytes()));
  page.add("tributary_queue_file_bytes", labels, count(queue.file_bytes()));
  page.add("tributary_queue_disk_free_bytes", labels, count(queue.disk_free_bytes()));
}

// Of a moment before `now`, by the same clock; 0 for none.
double age(int64_t moment, int64_t now) {
  return moment == 0 ? 0 : seconds(std::max<int64_t>(0, now - moment));
}

void add_uplink(Page& page, const status::Uplink& uplink, int64_t now, const Labels& labels) {
  page.add("tributary_uplink_connected", labels, truth(uplink.connected_since() != 0));
  page.add("tributary_uplink_held", labels, truth(uplink.health() == status::HELD));
  page.add("tributary_uplink_offline_seconds", labels, age(uplink.offline_since(), now));
  page.add("tributary_uplink_batches_in_flight", labels, count(uplink.batches_in_flight()));
  page.add("tributary_uplink_round_trip_seconds", labels, uplink.round_trip_ms() / 1000);
  page.add("tributary_uplink_clock_offset_seconds", labels, uplink.clock_offset_ms() / 1000);
}

void add_child(Page& page, const status::Child& child, int64_t now, Labels labels) {
  labels.push_back({"child", child.node()});
  page.add("tributary_child_connected", labels, truth(child.connected_since() != 0));
  page.add("tributary_child_held", labels, truth(child.health() == status::HELD));
  page.add("tributary_child_offline_seconds", labels, age(child.offline_since(), now));
  page.add("tributary_child_lag_seconds", labels, child.lag_seconds());
  page.add("tributary_child_transactions_total", labels, count(child.transactions()));
  page.add("tributary_child_changes_total", labels, count(child.changes()));
}

}  // namespace

std::span<const MetricDescription> all_metrics() {
  return kMetrics;
}

std::string to_metrics(const status::NodeStatus& top) {
  Page page;
  std::set<std::string> nodes;
  std::deque<const status::NodeStatus*> next{&top};
  for (; !next.empty(); next.pop_front()) {
    const status::NodeStatus& node = *next.front();
    if (!nodes.insert(node.node()).second) continue;
    const Labels labels{{"node", node.node()}};
    add_own(page, node, labels);
    if (node.has_capture()) add_capture(page, node.capture(), labels);
    if (node.has_queue()) add_queue(page, node.queue(), labels);
    if (node.has_uplink()) add_uplink(page, node.uplink(), node.reported_at(), labels);
    for (const status::Child& child : node.children()) {
      add_child(page, child, node.reported_at(), labels);
      if (child.has_status()) next.push_back(&child.status());
    }
  }
  return page.take();
}

}  // namespace tributary
