#include "bench/live_updates.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>
#include <thread>

#include "bench/documents.h"
#include "support/sql.h"

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kShortestWait = 5ms;
constexpr int kWaitsPerAge = 16;
constexpr auto kPatience = 30s;
constexpr size_t kAskedAtOnce = 200;

// Update number `number` is told by its time, which no other document has.
std::string time_of(const std::string& number) {
  return "timestamptz '2100-01-01' + " + number + " * interval '1 second'";
}

std::string key_of(const std::string& number, int documents) {
  return document_id("1 + " + number + "::bigint * 7919 % " + std::to_string(documents));
}

}  // namespace

LiveUpdates::LiveUpdates(std::string source, std::string parent, int documents, int updates_per_second)
    : source_(std::move(source)), parent_(std::move(parent)), documents_(documents) {
  watching_.start([this] { watch(); });
  writing_.start([this, updates_per_second] { write(updates_per_second); });
}

LiveUpdates::~LiveUpdates() {
  is_given_up_ = true;
  is_written_ = true;
}

void LiveUpdates::stop_writing() {
  is_written_ = true;
  writing_.wait();
  writing_.rethrow_failure();
}

Percentiles LiveUpdates::milliseconds() {
  stop_writing();
  watching_.wait();
  watching_.rethrow_failure();
  return percentiles(milliseconds_);
}

void LiveUpdates::write(int updates_per_second) {
  Sql sql(source_);
  sql.exec("PREPARE change(int) AS UPDATE document SET title = 'Live revision ' || $1, updated_at = " + time_of("$1") +
           " WHERE id = " + key_of("$1", documents_));
  const auto began = Clock::now();
  for (int number = 1; !is_written_; ++number) {
    std::this_thread::sleep_until(began + number * std::chrono::microseconds(1s) / updates_per_second);
    sql.exec("EXECUTE change(" + std::to_string(number) + ")");
    const std::lock_guard lock(mutex_);
    committed_.push_back({number, Clock::now()});
  }
}

void LiveUpdates::watch() {
  Sql sql(parent_);
  // The table may have been empty when this was planned.
  sql.exec("SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off");
  sql.exec("PREPARE visible(int[]) AS SELECT number FROM unnest($1) number JOIN document ON id = " +
           key_of("number", documents_) + " AND updated_at >= " + time_of("number"));
  std::vector<Update> under_way;
  auto last_sight = Clock::now();
  while (!is_given_up_) {
    const bool was_written = is_written_;
    if (!was_written) last_sight = Clock::now();
    {
      const std::lock_guard lock(mutex_);
      std::move(committed_.begin(), committed_.end(), std::back_inserter(under_way));
      committed_.clear();
    }
    if (under_way.empty() && was_written) return;
    const size_t before = under_way.size();
    if (before > 0 && take_visible(sql, under_way) && !under_way.empty()) continue;
    if (under_way.size() < before) last_sight = Clock::now();
    if (Clock::now() - last_sight > kPatience) throw std::runtime_error("a live change does not become visible");
    Clock::duration pause = kShortestWait;
    if (!under_way.empty()) pause = std::max(pause, (Clock::now() - under_way.front().returned) / kWaitsPerAge);
    std::this_thread::sleep_for(pause);
  }
}

bool LiveUpdates::take_visible(Sql& sql, std::vector<Update>& under_way) {
  const size_t asked = std::min(kAskedAtOnce, under_way.size());
  std::string numbers;
  for (size_t i = 0; i < asked; ++i) numbers += (i ? "," : "") + std::to_string(under_way[i].number);
  std::set<int> visible;
  for (const Row& row : sql.rows("EXECUTE visible('{" + numbers + "}')")) visible.insert(std::stoi(*row[0]));
  const auto answered = Clock::now();
  const auto is_visible = [&](const Update& update) { return visible.contains(update.number); };
  for (const Update& update : under_way) {
    if (is_visible(update))
      milliseconds_.push_back(std::chrono::duration<double, std::milli>(answered - update.returned).count());
  }
  std::erase_if(under_way, is_visible);
  return visible.size() == asked;
}

}  // namespace tributary::test
