// Many children at one parent, some of them busy, most of them idle.
#include <sys/resource.h>

#include <algorithm>

#include "bench/documents.h"
#include "bench/light_children.h"
#include "bench/live_workloads.h"
#include "bench/process_facts.h"
#include "support/hierarchy.h"

namespace tributary::test {
namespace {

struct FanInOptions {
  size_t busy_children = 200;
  double transactions_per_second = 5;  // of each busy child
  double seconds = 20;
  std::vector<size_t> idle_children = {100, 1000};
  double idle_seconds = 20;  // that each number of idle children is watched
};

struct IdleChildren {
  size_t children = 0;
  double parent_processor_share = 0;  // of one processor
  double parent_resident_bytes = 0;
};

struct FanInFigures {
  Percentiles milliseconds;                          // from a child's push to the parent's acknowledgement
  Percentiles first_milliseconds;                    // the same for the first transaction of each
  double parent_microseconds_per_transaction = 0;    // processor time of the agent
  double database_microseconds_per_transaction = 0;  // and of its database sessions
  std::vector<IdleChildren> idle;                    // the first has no child
  double bytes_per_idle_child = 0;                   // resident, between the first and the last
  bool is_correct = false;                           // the parent has every child's documents, row by row
};

constexpr char kParent[] = "region";

// Of this process and of what it starts: a descriptor per child at either end.
void raise_open_files() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

std::string intake_of(uint16_t port, size_t children) {
  std::string text = "[intake]\nlisten = \"127.0.0.1:" + std::to_string(port) + "\"\ntables = [\"public.document\"]\n";
  for (size_t child = 0; child < children; ++child) {
    const std::string name = LightChildren::name(child);
    text += "[[child]]\nname = \"" + name + "\"\nowns = \"district = '" + name + "'\"\n";
  }
  return text;
}

class Parent {
 public:
  explicit Parent(size_t children) : port_(free_port()) {
    node_ = &tree_.add({.name = kParent,
                        .config = intake_of(port_, children),
                        .cluster = {.fsync = true, .settings = {{"shared_buffers", "'256MB'"}}}});
    tree_.exec_everywhere("CREATE TABLE document (" + document_table().columns + ")");
    tree_.start();
    wait_until("the parent listens", [&] { return node_->agent().status().intake().health() == status::OK; });
  }

  const Pki& pki() const { return tree_.pki(); }
  uint16_t port() const { return port_; }

  double agent_seconds() { return processor_seconds_of(node_->agent().pid()); }
  double database_seconds() {
    double seconds = 0;
    for (const Row& row :
         node_->sql().rows("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'tributary%'"))
      seconds += processor_seconds_of(std::stoi(*row[0]));
    return seconds;
  }
  double resident_bytes() { return static_cast<double>(resident_bytes_of(node_->agent().pid())); }

  bool has_exactly(const std::multiset<std::string>& documents) {
    std::multiset<std::string> found;
    for (const Row& row : node_->sql().rows(LightChildren::documents_query())) found.insert(*row[0]);
    return found == documents;
  }

 private:
  Hierarchy tree_;
  Node* node_;
  uint16_t port_;
};

IdleChildren watch(Parent& parent, LightChildren& children, size_t count, double seconds) {
  children.connect(count);
  children.stay(2);  // what connecting caused is over
  const double before = parent.agent_seconds();
  children.stay(seconds);
  return {count, (parent.agent_seconds() - before) / seconds, parent.resident_bytes()};
}

void measure_busy(Parent& parent, const FanInOptions& options, FanInFigures& figures) {
  LightChildren children(parent.pki(), kParent, parent.port(), options.busy_children);
  children.connect(options.busy_children);
  figures.first_milliseconds = children.push(options.busy_children, 1, 1);  // the parent looks its tables up
  const double agent = parent.agent_seconds(), database = parent.database_seconds();
  figures.milliseconds = children.push(options.busy_children, options.transactions_per_second, options.seconds);
  const double transactions = static_cast<double>(std::max<size_t>(1, figures.milliseconds.count));
  figures.parent_microseconds_per_transaction = (parent.agent_seconds() - agent) * 1e6 / transactions;
  figures.database_microseconds_per_transaction = (parent.database_seconds() - database) * 1e6 / transactions;
  figures.is_correct = parent.has_exactly(children.pushed());
}

void measure_idle(const FanInOptions& options, FanInFigures& figures) {
  const size_t most = *std::max_element(options.idle_children.begin(), options.idle_children.end());
  Parent parent(most);
  LightChildren children(parent.pki(), kParent, parent.port(), most);
  figures.idle.push_back(watch(parent, children, 0, options.idle_seconds));
  for (const size_t count : options.idle_children)
    figures.idle.push_back(watch(parent, children, count, options.idle_seconds));
  const double grown = figures.idle.back().parent_resident_bytes - figures.idle.front().parent_resident_bytes;
  figures.bytes_per_idle_child = grown / static_cast<double>(figures.idle.back().children);
}

// Each with a parent of its own.
FanInFigures measure_fan_in(const FanInOptions& options) {
  raise_open_files();
  FanInFigures figures;
  {
    Parent parent(options.busy_children);
    measure_busy(parent, options, figures);
  }
  measure_idle(options, figures);
  return figures;
}

class FanInWorkload : public Workload {
 public:
  std::string name() const override { return "W8"; }
  std::string summary() const override { return "200 children at 5 transactions a second each; 1,000 idle children"; }
  void run(const Request& request, Report& report) override {
    const auto children = [&](int count) { return static_cast<size_t>(request.scaled(count)); };
    const FanInFigures fan_in = measure_fan_in({.busy_children = children(200),
                                                .seconds = scaled_seconds(request, 20),
                                                .idle_children = {children(100), children(1000)},
                                                .idle_seconds = scaled_seconds(request, 30)});
    Result result{.workload = name(), .peer = "none", .tiers = 2};
    result.is_correct = result.is_peer_correct = fan_in.is_correct;
    result.figures = {{"children", static_cast<double>(children(200))},
                      {"transactions", static_cast<double>(fan_in.milliseconds.count)},
                      {"acknowledged_p50_ms", fan_in.milliseconds.p50},
                      {"acknowledged_p95_ms", fan_in.milliseconds.p95},
                      {"acknowledged_p99_ms", fan_in.milliseconds.p99},
                      {"first_acknowledged_p50_ms", fan_in.first_milliseconds.p50},
                      {"first_acknowledged_p99_ms", fan_in.first_milliseconds.p99},
                      {"agent_cpu_us_per_transaction", fan_in.parent_microseconds_per_transaction},
                      {"backends_cpu_us_per_transaction", fan_in.database_microseconds_per_transaction},
                      {"resident_kib_per_idle_child", fan_in.bytes_per_idle_child / 1024}};
    for (const IdleChildren& idle : fan_in.idle) {
      const std::string with = "_with_" + std::to_string(idle.children) + "_idle_children";
      result.figures.emplace_back("agent_cpu_percent" + with, 100 * idle.parent_processor_share);
      result.figures.emplace_back("agent_resident_mib" + with, idle.parent_resident_bytes / (1 << 20));
    }
    std::string line = name();
    for (const auto& [figure, value] : result.figures) line += print("  %s %.4g", figure.c_str(), value);
    report.progress(line);
    report.add(std::move(result));
  }
};

}  // namespace

std::unique_ptr<Workload> fan_in_workload() {
  return std::make_unique<FanInWorkload>();
}

}  // namespace tributary::test
