#include "bench/latency.h"

#include <sys/prctl.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <thread>

#include "support/sql.h"

namespace tributary::test {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kShortestWait = 200us;
constexpr int kWaitsPerAge = 16;
constexpr auto kPatience = 60s;
constexpr char kKeyPrefix[] = "ffffffff-ffff-4fff-bfff-";  // above random keys

std::string key_of(size_t number) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%012zx", number);
  return kKeyPrefix + std::string(digits);
}

double milliseconds(steady_clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// When each row's COMMIT returned: written by one thread, read by the others once `count` says so.
struct Commits {
  explicit Commits(size_t rows) : returned(rows) {}
  std::vector<steady_clock::time_point> returned;
  std::atomic<size_t> count = 0;
  std::atomic<bool> have_ended = false;
};

// Sleeps of a fifth of a millisecond are not to be rounded to the default slack.
void sleep_precisely() {
  ::prctl(PR_SET_TIMERSLACK, 1000UL);
}

std::vector<double> commit_rows(const std::string& source, const LatencyOptions& options, Commits& commits) {
  sleep_precisely();
  Sql sql(source);
  sql.exec(
      "PREPARE write(uuid, int) AS INSERT INTO document SELECT $1, 'district-a', 'Report ' || $2,"
      " 'A body of some length, as one that a person types: ' || md5($2::text) || md5(random()::text), 'approved', $2,"
      " jsonb_build_object('year', 2000 + $2 % 26), now()");
  std::vector<double> took;
  const auto pace = std::chrono::nanoseconds(std::nano::den / options.transactions_per_second);
  const auto began = steady_clock::now();
  for (size_t row = 0; row < commits.returned.size(); ++row) {
    std::this_thread::sleep_until(began + pace * static_cast<int64_t>(row));
    const std::string statement = "EXECUTE write('" + key_of(row + 1) + "', " + std::to_string(row) + ")";
    const auto sent = steady_clock::now();
    sql.exec(statement);
    commits.returned[row] = steady_clock::now();
    took.push_back(milliseconds(commits.returned[row] - sent));
    commits.count.store(row + 1, std::memory_order_release);
  }
  return took;
}

size_t rows_visible(Sql& sql) {
  const std::string largest = sql.value("EXECUTE largest");
  if (!largest.starts_with(kKeyPrefix)) return 0;
  return std::stoull(largest.substr(sizeof kKeyPrefix - 1), nullptr, 16);
}

std::vector<double> watch(const LatencyTier& tier, const Commits& commits) {
  sleep_precisely();
  Sql sql(tier.conninfo);
  sql.exec("PREPARE largest AS SELECT (SELECT id FROM document ORDER BY id DESC LIMIT 1)");
  std::vector<double> waited;
  while (waited.size() < commits.returned.size()) {
    if (commits.count.load(std::memory_order_acquire) <= waited.size()) {
      if (commits.have_ended) break;
      std::this_thread::sleep_for(kShortestWait);
      continue;
    }
    const auto asked = steady_clock::now();
    const size_t visible = std::min(rows_visible(sql), commits.count.load(std::memory_order_acquire));
    const auto answered = steady_clock::now();
    while (waited.size() < visible)
      waited.push_back(milliseconds(std::max(answered - commits.returned[waited.size()], steady_clock::duration{})));
    if (waited.size() == commits.count.load(std::memory_order_acquire)) continue;
    const auto age = answered - commits.returned[waited.size()];
    if (age > kPatience) throw std::runtime_error("a row does not become visible at the " + tier.name);
    const steady_clock::duration wait = std::max<steady_clock::duration>(kShortestWait, age / kWaitsPerAge);
    std::this_thread::sleep_until(asked + wait);
  }
  return waited;
}

}  // namespace

LatencyFigures measure_latency(const std::string& source, const std::vector<LatencyTier>& tiers,
                               const LatencyOptions& options) {
  Commits commits(static_cast<size_t>(options.seconds * options.transactions_per_second));
  std::vector<std::vector<double>> waited(tiers.size());
  std::vector<std::exception_ptr> failures(tiers.size());
  std::vector<std::thread> watchers;
  for (size_t i = 0; i < tiers.size(); ++i) {
    watchers.emplace_back([&, i] {
      try {
        waited[i] = watch(tiers[i], commits);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    });
  }
  std::exception_ptr failure;
  LatencyFigures figures;
  const auto began = steady_clock::now();
  try {
    figures.commit_milliseconds = percentiles(commit_rows(source, options, commits));
  } catch (...) {
    failure = std::current_exception();
  }
  figures.transactions_per_second =
      static_cast<double>(commits.count) / std::chrono::duration<double>(steady_clock::now() - began).count();
  commits.have_ended = true;
  for (std::thread& watcher : watchers) watcher.join();
  if (failure) std::rethrow_exception(failure);
  for (size_t i = 0; i < tiers.size(); ++i) {
    if (failures[i]) std::rethrow_exception(failures[i]);
    figures.milliseconds[tiers[i].name] = percentiles(std::move(waited[i]));
  }
  return figures;
}

}  // namespace tributary::test
