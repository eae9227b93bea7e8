#include "monitor/render.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "config/quantities.h"
#include "monitor/health.h"
#include "monitor/words.h"

namespace tributary {
namespace {

// Columns that a text takes: code points, without the colour sequences that paint() puts in.
size_t width_of(std::string_view text) {
  size_t width = 0;
  bool is_in_colour = false;
  for (const char c : text) {
    if (c == '\x1b') is_in_colour = true;
    if (!is_in_colour && (c & 0xc0) != 0x80) ++width;
    if (c == 'm') is_in_colour = false;
  }
  return width;
}

bool connected(const status::Child& child) {
  return child.connected_since() != 0;
}

class Page {
 public:
  explicit Page(const RenderOptions& options) : options_(options) {}

  std::string take() { return std::move(out_); }
  void blank_line() { out_ += "\n"; }

  // `text` behind `first`, broken between words; further lines begin with `next`, which is no wider than `first`.
  void put(const std::string& first, const std::string& next, std::string_view text) {
    const size_t indent = width_of(first);
    const size_t room = options_.width > indent + 24 ? options_.width - indent : 24;
    out_ += first;
    size_t used = 0;
    while (!text.empty()) {
      const size_t word_end = std::min(text.find(' '), text.size());
      const std::string_view word = text.substr(0, word_end);
      text.remove_prefix(std::min(word_end + 1, text.size()));
      const size_t width = width_of(word);
      if (used > 0 && used + 1 + width > room) {
        out_ += "\n" + next;
        used = 0;
      }
      if (used > 0) out_ += ' ';
      out_ += word;
      used += width + (used > 0 ? 1 : 0);
    }
    out_ += '\n';
  }

  void part(const std::string& name, std::string_view text) {
    put(name + std::string(kLabelWidth - name.size(), ' '), std::string(kLabelWidth, ' '), text);
  }

  std::string paint(status::Health health, const std::string& text) const {
    if (!options_.is_coloured) return text;
    const char* colour = health == status::OK ? "32" : severity(health) <= severity(status::ATTENTION) ? "33" : "31";
    return std::string("\x1b[") + colour + "m" + text + "\x1b[0m";
  }

  std::vector<std::string> comparisons_in_words(const status::Capture& capture) const;
  std::string since(int64_t moment) const { return since_in_words(moment, options_.now); }

  void heading(const status::NodeStatus& node);
  void notices(const status::NodeStatus& node);
  void parts(const status::NodeStatus& node);
  void children(const google::protobuf::RepeatedPtrField<status::Child>& children, const std::string& indent);

 private:
  static constexpr size_t kLabelWidth = 10;

  std::string state(status::Health health, const std::string& state, const std::string& message,
                    int64_t offline_since = 0) const;
  void report(const status::Child& child, const std::string& indent);

  RenderOptions options_;
  std::string out_;
};

std::string join(const std::vector<std::string>& items, const char* separator = ", ") {
  std::string text;
  for (const auto& item : items) text += (text.empty() || item.empty() ? "" : separator) + item;
  return text;
}

std::string waiting_in_words(const status::Queue& queue) {
  if (queue.batches() == 0) return "empty";
  return join({count_in_words(queue.batches(), "batch", "batches") + " waiting", format_size(queue.bytes()),
               "oldest " + age_in_words(queue.oldest_seconds())});
}

std::string done_in_words(uint64_t transactions, uint64_t changes) {
  return count_in_words(transactions, "transaction", "transactions") + " with " +
         count_in_words(changes, "change", "changes") + " since the agent started";
}

// What a node above has of this one's changes.
std::string tier_in_words(const status::Tier& tier) {
  if (tier.applied_position().empty()) return "not known yet";
  return tier.seconds_behind() > 0 ? age_in_words(tier.seconds_behind()) + " behind" : "has all";
}

std::string with_tier(const std::string& node, const std::string& tier) {
  return tier.empty() ? node : node + " (" + tier + ")";
}

// "held: why", "offline since 12:03 (4 min): why", "connected"
std::string Page::state(status::Health health, const std::string& state, const std::string& message,
                        int64_t offline_since) const {
  std::string words = state.empty() || severity(health) > severity(status::ATTENTION) ? name_of(health) : state;
  words = paint(health, words);
  if (health == status::OFFLINE && offline_since != 0) words += " since " + since(offline_since);
  return words + (message.empty() ? "" : ": " + message);
}

void Page::heading(const status::NodeStatus& node) {
  const auto children_that_are = [&](status::Health health, const char* words) {
    const auto count = std::count_if(node.children().begin(), node.children().end(),
                                     [&](const auto& child) { return child.health() == health; });
    if (count == 0) return std::string();
    return count_in_words(static_cast<uint64_t>(count), "child ", "children ") + paint(health, words);
  };
  put("", "",
      join({with_tier(node.node(), node.tier()) + ": " + paint(node.health(), name_of(node.health())),
            children_that_are(status::HELD, "held"), children_that_are(status::OFFLINE, "offline"),
            children_that_are(status::ATTENTION, "to look at"), "tributary " + node.version(),
            "up " + age_in_words(static_cast<double>(options_.now - node.started_at()) / 1000)}));
}

void Page::notices(const status::NodeStatus& node) {
  if (node.notices().empty()) return;
  blank_line();
  for (const auto& notice : node.notices()) {
    const std::string mark = severity(notice.health()) > severity(status::ATTENTION) ? "! " : "* ";
    put(paint(notice.health(), mark), "  ",
        notice.subject() + " " + paint(notice.health(), name_of(notice.health())) + " since " + since(notice.since()) +
            ": " + notice.message());
    if (!notice.hint().empty()) put("  what to do: ", "    ", notice.hint());
  }
}

// With the parent: what is under way, each table that was not equal the last time, and that the others were.
std::vector<std::string> Page::comparisons_in_words(const status::Capture& capture) const {
  std::vector<std::string> lines;
  const auto& verification = capture.verification();
  if (verification.state() == status::Verification::UNDER_WAY)
    lines.push_back("under way since " + since(verification.started_at()));
  uint64_t equal = 0;
  int64_t oldest = 0;
  for (const auto& table : capture.tables()) {
    if (!table.has_verified()) continue;
    const auto& verified = table.verified();
    if (verified.message().empty() && verified.missing() + verified.different() + verified.extra() == 0) {
      oldest = equal++ == 0 ? verified.finished_at() : std::min(oldest, verified.finished_at());
      continue;
    }
    const auto count = [](uint64_t rows, const char* words) {
      return rows == 0 ? std::string() : count_in_words(rows) + " " + words;
    };
    lines.push_back(
        table.name() + " " + since(verified.finished_at()) + ": " +
        (verified.message().empty()
             ? join({count(verified.missing(), "missing at the parent"), count(verified.different(), "different"),
                     count(verified.extra(), "only at the parent"), verified.is_mended() ? "mended" : ""})
             : "not compared: " + verified.message()));
  }
  if (equal > 0) lines.push_back(count_in_words(equal, "table", "tables") + " equal, " + since(oldest));
  return lines;
}

void Page::parts(const status::NodeStatus& node) {
  blank_line();
  const auto& database = node.database();
  const std::string server = database.server_version().empty() ? "" : "PostgreSQL " + database.server_version();
  if (node.has_database()) part("database", join({state(database.health(), "", database.message()), server}));
  if (node.has_capture()) {
    const auto& capture = node.capture();
    part("capture", join({state(capture.health(), capture.state(), capture.message()),
                          done_in_words(capture.transactions(), capture.changes())},
                         "; "));
    for (const auto& table : capture.tables())
      part(&table == &capture.tables(0) ? "tables" : "",
           table.name() + (table.row_filter().empty() ? "" : " where " + table.row_filter()) +
               (table.filter_in_publication() || table.row_filter().empty() ? "" : " (evaluated by the agent)"));
  }
  const char* label = "compared";
  for (const auto& line : comparisons_in_words(node.capture())) part(std::exchange(label, ""), line);
  if (node.has_queue()) {
    const auto& queue = node.queue();
    const bool is_plain = queue.health() == status::OK;
    part("queue", join({is_plain ? "" : state(queue.health(), "", queue.message()), waiting_in_words(queue),
                        format_size(queue.disk_free_bytes()) + " of disk free"},
                       "; "));
  }
  if (node.has_uplink()) {
    const auto& uplink = node.uplink();
    const bool is_connected = uplink.connected_since() != 0;
    part("uplink", join({state(uplink.health(), uplink.state(), uplink.message(), uplink.offline_since()),
                         uplink.parent() + (uplink.endpoint().empty() ? "" : " at " + uplink.endpoint()) +
                             (is_connected ? " since " + since(uplink.connected_since()) : ""),
                         uplink.applied_position().empty() ? "" : "applied there: " + uplink.applied_position(),
                         is_connected ? "round trip " + age_in_words(uplink.round_trip_ms() / 1000) : ""},
                        "; "));
  }
  if (node.uplink().tiers_size() > 0) {
    std::string words;
    for (const auto& tier : node.uplink().tiers())
      words += (words.empty() ? "" : "; ") + tier.node() + " " + tier_in_words(tier);
    part("above", words);
  }
  if (node.has_intake()) {
    part("intake", state(node.intake().health(), "", node.intake().message()) +
                       (node.intake().listen().empty() ? "" : ", listening at " + node.intake().listen()));
  }
}

// What the child itself reported: its queue, and what is not well with its own parts.
void Page::report(const status::Child& child, const std::string& indent) {
  const auto& report = child.status();
  if (!connected(child)) put(indent, indent, "last report " + since(report.reported_at()));
  if (report.has_queue()) put(indent, indent, "its queue: " + waiting_in_words(report.queue()));
  const auto parts = parts_of(report);
  for (const auto& part : parts)
    if (part.health != status::OK)
      put(indent, indent, "its " + part.name + ": " + state(part.health, "", part.message));
  for (const auto& notice : report.notices()) {
    const bool is_said =
        std::any_of(parts.begin(), parts.end(), [&](const PartHealth& part) { return part.name == notice.subject(); });
    const bool is_shown_below = notice.subject().rfind("child ", 0) == 0;
    if (!is_said && !is_shown_below) put(indent, indent, "its " + notice.subject() + ": " + notice.message());
  }
}

void Page::children(const google::protobuf::RepeatedPtrField<status::Child>& children, const std::string& indent) {
  for (int i = 0; i < children.size(); ++i) {
    const auto& child = children.Get(i);
    const bool is_last = i + 1 == children.size();
    const bool has_children = !child.status().children().empty();
    const std::string line = options_.is_utf8 ? "│  " : "|  ";
    const std::string below = indent + (is_last ? "   " : line);
    const std::string text = has_children ? below + line : below;
    const std::string branch = indent + (options_.is_utf8 ? (is_last ? "└─ " : "├─ ") : (is_last ? "`- " : "|- "));
    const bool has_applied = !child.applied_position().empty();
    put(branch, text,
        join({with_tier(child.node(), child.status().tier()) + ": " +
                  state(child.health(), child.state(), child.message(), child.offline_since()),
              connected(child) && has_applied ? "lag " + age_in_words(child.lag_seconds()) : "",
              has_applied ? "applied " + child.applied_position() : ""}));
    if (const uint64_t deletes = child.deletes_not_owned(); deletes > 0)
      put(text, text, "deletions left out, of rows that are not its own here: " + std::to_string(deletes));
    if (child.has_status()) report(child, text);
    this->children(child.status().children(), below);
  }
}

}  // namespace

std::string render(const status::NodeStatus& node, const RenderOptions& options) {
  Page page(options);
  page.heading(node);
  page.notices(node);
  page.parts(node);
  if (!node.children().empty()) {
    page.put("children", "", "");
    page.children(node.children(), "  ");
  }
  return page.take();
}

}  // namespace tributary
