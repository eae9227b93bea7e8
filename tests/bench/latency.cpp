#include "bench/latency.h"

#include <sys/prctl.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <optional>
#include <stdexcept>
#include <thread>

#include "bench/threads.h"
#include "support/sql.h"

namespace tributary::test {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kShortestWait = 200us;
constexpr int kWaitsPerAge = 16;
constexpr auto kPatience = 60s;
constexpr int kWriters = 4;  // one alone would wait for a slow disk longer than its pace allows

double milliseconds(steady_clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// Sleeps of a fifth of a millisecond are not to be rounded to the default slack.
void sleep_precisely() {
  ::prctl(PR_SET_TIMERSLACK, 1000UL);
}

// One session's rows. `returned` is written by its thread, and read by others as far as `count` says.
class Writer {
 public:
  Writer(int number, size_t rows) : prefix_("ffffffff-ffff-4fff-bff" + std::to_string(number) + "-"), returned_(rows) {}

  void commit_rows(const std::string& conninfo, steady_clock::time_point first, steady_clock::duration pace) {
    sleep_precisely();
    Sql sql(conninfo);
    sql.exec(
        "PREPARE write(uuid, int) AS INSERT INTO document SELECT $1, 'district-a', 'Report ' || $2,"
        " 'A body of some length, as one that a person types: ' || md5($2::text) || md5(random()::text), 'approved',"
        " $2, jsonb_build_object('year', 2000 + $2 % 26), now()");
    for (size_t row = 0; row < returned_.size(); ++row) {
      std::this_thread::sleep_until(first + pace * static_cast<int64_t>(row));
      const std::string statement = "EXECUTE write('" + key(row + 1) + "', " + std::to_string(row) + ")";
      const auto sent = steady_clock::now();
      sql.exec(statement);
      returned_[row] = steady_clock::now();
      took_.push_back(milliseconds(returned_[row] - sent));
      count_.store(row + 1, std::memory_order_release);
    }
  }

  size_t rows() const { return returned_.size(); }
  size_t count() const { return count_.load(std::memory_order_acquire); }
  steady_clock::time_point returned(size_t row) const { return returned_[row]; }
  const std::vector<double>& took() const { return took_; }  // milliseconds of each COMMIT

  std::string largest_key_query() const {
    return "SELECT max(right(id::text, 12)) FROM (SELECT id FROM document WHERE id BETWEEN '" + key(0) + "' AND '" +
           key(UINT32_MAX) + "' ORDER BY id DESC LIMIT 1) last";
  }

 private:
  std::string key(size_t row) const {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%012zx", row);
    return prefix_ + digits;
  }

  const std::string prefix_;  // above random keys
  std::vector<steady_clock::time_point> returned_;
  std::vector<double> took_;
  std::atomic<size_t> count_ = 0;
};

using Writers = std::deque<Writer>;

// How many rows of each writer are visible.
std::vector<size_t> ask(Sql& sql) {
  std::vector<size_t> visible;
  const std::vector<Row> answer = sql.rows("EXECUTE largest");
  for (const auto& digits : answer.at(0)) visible.push_back(digits ? std::stoull(*digits, nullptr, 16) : 0);
  return visible;
}

// Notes what is visible at one tier, until everything is or `is_over`.
class Watcher {
 public:
  Watcher(const LatencyTier& tier, const Writers& writers) : tier_(tier), writers_(writers), seen_(writers.size()) {}

  void watch(const std::atomic<bool>& is_over) {
    sleep_precisely();
    Sql sql(tier_.conninfo);
    std::string query;
    for (const Writer& writer : writers_) query += (query.empty() ? "(" : ", (") + writer.largest_key_query() + ")";
    sql.exec("PREPARE largest AS SELECT " + query);
    for (;;) {
      auto next = steady_clock::now() + kShortestWait;
      if (const auto oldest = oldest_under_way()) {
        const std::vector<size_t> visible = ask(sql);
        note(visible, steady_clock::now());
        const auto age = steady_clock::now() - *oldest;
        if (age > kPatience) throw std::runtime_error("a row does not become visible at the " + tier_.name);
        next = std::max(next, steady_clock::now() + age / kWaitsPerAge);
      } else if (is_over) {
        return;
      }
      std::this_thread::sleep_until(next);
    }
  }

  std::vector<double> take_milliseconds() { return std::move(waited_); }

 private:
  std::optional<steady_clock::time_point> oldest_under_way() const {
    std::optional<steady_clock::time_point> oldest;
    for (size_t i = 0; i < writers_.size(); ++i) {
      if (seen_[i] == writers_[i].count()) continue;
      const auto returned = writers_[i].returned(seen_[i]);
      if (!oldest || returned < *oldest) oldest = returned;
    }
    return oldest;
  }

  void note(const std::vector<size_t>& visible, steady_clock::time_point answered) {
    for (size_t i = 0; i < writers_.size(); ++i) {
      // A row may be visible here before its COMMIT has returned there.
      const size_t until = std::min(visible[i], writers_[i].count());
      for (; seen_[i] < until; ++seen_[i])
        waited_.push_back(std::max(0.0, milliseconds(answered - writers_[i].returned(seen_[i]))));
    }
  }

  const LatencyTier& tier_;
  const Writers& writers_;
  std::vector<size_t> seen_;  // rows of each writer
  std::vector<double> waited_;
};

}  // namespace

LatencyFigures measure_latency(const std::string& source, const std::vector<LatencyTier>& tiers,
                               const LatencyOptions& options) {
  const auto pace = std::chrono::nanoseconds(std::nano::den / options.transactions_per_second);
  const auto rows = static_cast<size_t>(options.seconds * options.transactions_per_second / kWriters);
  Writers writers;
  for (int i = 0; i < kWriters; ++i) writers.emplace_back(i, rows);
  std::deque<Watcher> watchers;
  for (const LatencyTier& tier : tiers) watchers.emplace_back(tier, writers);

  Threads watching;
  std::atomic<bool> is_over = false;
  for (Watcher& watcher : watchers) watching.start([&] { watcher.watch(is_over); });
  const auto began = steady_clock::now();
  Threads writing;
  for (size_t i = 0; i < writers.size(); ++i) {
    writing.start([&, i] { writers[i].commit_rows(source, began + pace * static_cast<int64_t>(i), pace * kWriters); });
  }
  writing.wait();
  const std::chrono::duration<double> took = steady_clock::now() - began;
  is_over = true;
  watching.wait();
  writing.rethrow_failure();
  watching.rethrow_failure();

  LatencyFigures figures;
  std::vector<double> commits;
  for (const Writer& writer : writers) commits.insert(commits.end(), writer.took().begin(), writer.took().end());
  figures.transactions_per_second = static_cast<double>(commits.size()) / took.count();
  figures.commit_milliseconds = percentiles(std::move(commits));
  for (size_t i = 0; i < tiers.size(); ++i)
    figures.milliseconds[tiers[i].name] = percentiles(watchers[i].take_milliseconds());
  return figures;
}

}  // namespace tributary::test
