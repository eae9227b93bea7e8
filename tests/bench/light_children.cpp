#include "bench/light_children.h"

#include <deque>
#include <random>
#include <vector>

#include "base/clock.h"
#include "change/payload.h"
#include "support/run_directory.h"
#include "uplink/session.h"
#include "wire/pki.h"

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

constexpr size_t kConnectsAtOnce = 32;
constexpr auto kReportInterval = 5s;  // as an agent's
constexpr auto kPatience = 60s;

Relation document_relation() {
  const auto column = [](const char* name, uint32_t type_oid, bool is_key = false, int32_t type_modifier = -1) {
    return Column{name, type_oid, {}, type_modifier, is_key};
  };
  constexpr int32_t kNumeric12Scale2 = 786438;
  return {.schema = "public",
          .name = "document",
          .columns = {column("id", 2950, true), column("district", 25), column("title", 25), column("body", 25),
                      column("status", 25), column("amount", 1700, false, kNumeric12Scale2), column("tags", 3802),
                      column("updated_at", 1184)}};
}

std::vector<std::string> random_document(const std::string& district) {
  static std::mt19937_64 random(7);  // NOLINT: the same documents in every run
  std::string body;
  for (int word = 0; word < 24; ++word) body += std::to_string(random() % 100'000) + " ";
  return {Uuid::random().to_string(),
          district,
          "Report " + std::to_string(random() % 1000),
          body,
          "approved",
          std::to_string(random() % 100'000) + ".25",
          "{}",
          "2026-01-02 03:04:05+00"};
}

std::string joined(const std::vector<std::string>& texts) {
  std::string line;
  for (const std::string& text : texts) line += (line.empty() ? "" : "|") + text;
  return line;
}

// One transaction of one document after `from`.
Batch transaction_after(const Position& from, const Relation& relation, const std::vector<std::string>& texts) {
  std::vector<Value> values;
  for (const std::string& text : texts) values.push_back({ValueKind::text, text});
  std::string tuple, raw;
  write_tuple(tuple, values);
  write_change(raw, ChangeKind::insert, 0, tuple);
  const Commit commit{static_cast<uint32_t>(from.seq + 700), Lsn{from.end_lsn.value + 100},
                      postgres_microseconds_now()};
  write_commit(raw, commit);
  Batch batch;
  batch.from = from;
  batch.to = advance(from, commit);
  batch.relations = {relation.shape_id()};
  batch.changes = 1;
  batch.first_commit_time = commit.time;
  batch.raw_bytes = raw.size();
  batch.payload = std::move(raw);  // a small one, which the link compresses
  return batch;
}

Batch stream_beginning(const Position& from) {
  Batch batch;
  batch.kind = BatchKind::new_stream;
  batch.from = from;
  batch.to = Position{Uuid::random(), 0, Lsn{1}, 0};
  batch.reason = "made by the benchmark";
  return batch;
}

class LightChild {
 public:
  LightChild(std::string endpoint, const TlsConfig& tls, Greeting greeting)
      : endpoint_(std::move(endpoint)), tls_(tls), greeting_(std::move(greeting)) {}

  bool is_connected() const { return is_connected_; }
  bool is_waiting() const { return !unacknowledged_.empty(); }

  // Until the session ends.
  Task<> live() {
    session_ = co_await UplinkSession::open(endpoint_, TlsContext(tls_, greeting_.node), greeting_);
    Batch beginning = stream_beginning(session_->applied_position());
    position_ = beginning.to;
    co_await session_->send_relation(relation_);
    co_await session_->send_batch(std::move(beginning));
    is_connected_ = true;
    co_await until_one_ends(session_->keep_alive(), report(), take_acknowledgements());
  }

  Task<> push_until(Clock::time_point first, Clock::duration pace, Clock::time_point end,
                    std::multiset<std::string>& pushed) {
    for (auto due = first; due < end; due += pace) {
      asio::steady_timer timer(co_await asio::this_coro::executor, due);
      co_await timer.async_wait(asio::use_awaitable);
      const std::vector<std::string> document = random_document(greeting_.node);
      pushed.insert(joined(document));
      Batch batch = transaction_after(position_, relation_, document);
      position_ = batch.to;
      unacknowledged_.push_back({position_.seq, Clock::now()});
      co_await session_->send_batch(std::move(batch));
    }
  }

  void hang_up() {
    if (session_) session_->close();
  }

  std::vector<double> take_milliseconds() { return std::exchange(milliseconds_, {}); }

 private:
  struct Sent {
    uint64_t seq;
    Clock::time_point at;
  };

  Task<> take_acknowledgements() {
    for (;;) {
      const auto news = co_await session_->next_news();
      if (!std::holds_alternative<Acknowledgement>(news)) continue;
      const auto& acknowledgement = std::get<Acknowledgement>(news);
      if (acknowledgement.is_held) throw Error(ErrorKind::refused, "held: " + acknowledgement.hold_reason);
      const uint64_t applied = session_->applied_position().seq;
      const auto now = Clock::now();
      for (; !unacknowledged_.empty() && unacknowledged_.front().seq <= applied; unacknowledged_.pop_front())
        milliseconds_.push_back(std::chrono::duration<double, std::milli>(now - unacknowledged_.front().at).count());
    }
  }

  Task<> report() {
    for (;;) {
      status::NodeStatus status;
      status.set_node(greeting_.node);
      status.set_version(greeting_.software);
      status.set_health(status::OK);
      status.mutable_database()->set_server_version("15.0");
      status.mutable_capture()->set_state("streaming");
      status.mutable_capture()->set_slot("tributary_" + greeting_.node);
      status.mutable_queue()->set_durable_position(position_.to_string());
      status.mutable_uplink()->set_state("connected");
      co_await session_->send_status(status);
      co_await sleep_for(kReportInterval);
    }
  }

  const std::string endpoint_;
  const TlsConfig tls_;
  const Greeting greeting_;
  const Relation relation_ = document_relation();
  std::unique_ptr<UplinkSession> session_;
  Position position_;
  bool is_connected_ = false;
  std::deque<Sent> unacknowledged_;
  std::vector<double> milliseconds_;
};

}  // namespace

struct LightChildren::State {
  asio::io_context io;  // first: outlives what was made on it
  TempDir certificates{"children"};
  std::vector<std::unique_ptr<LightChild>> children;
  size_t begun = 0;
  std::multiset<std::string> pushed;
  size_t tasks = 0;
  std::exception_ptr failure;

  ~State() {
    for (const auto& child : children) child->hang_up();
    io.restart();
    while (tasks > 0) io.run_one();
  }
  void start(Task<> task) {
    ++tasks;
    asio::co_spawn(io, std::move(task), [this](std::exception_ptr end) {
      --tasks;
      if (end && !failure) failure = end;
    });
  }
  template <typename Condition>
  void run_until(const char* what, Condition is_true) {
    const auto give_up = Clock::now() + kPatience;
    while (!is_true()) {
      run_for(1ms);
      if (Clock::now() > give_up) throw std::runtime_error(std::string("in vain: ") + what);
    }
  }
  void run_for(Clock::duration duration) {
    io.restart();
    io.run_for(duration);
    if (failure) std::rethrow_exception(failure);
  }
};

LightChildren::LightChildren(const Pki& pki, const std::string& parent, uint16_t port, size_t count)
    : state_(std::make_unique<State>()) {
  const PemPaths authority{pki.ca().string(), (pki.ca().parent_path() / "ca.key").string()};
  for (size_t child = 0; child < count; ++child) {
    const PemPaths own{(state_->certificates / (name(child) + ".pem")).string(),
                       (state_->certificates / (name(child) + ".key")).string()};
    make_node_certificate({.node = name(child)}, authority, own, Overwrite::refuse);
    state_->children.push_back(std::make_unique<LightChild>(
        "127.0.0.1:" + std::to_string(port), TlsConfig{authority.certificate, own.certificate, own.key},
        Greeting{name(child), Uuid::random(), "light child", parent, {"public.document"}}));
  }
}

LightChildren::~LightChildren() = default;

std::string LightChildren::name(size_t child) {
  const std::string digits = std::to_string(child);
  return "child-" + std::string(4 - std::min<size_t>(4, digits.size()), '0') + digits;
}

void LightChildren::connect(size_t count) {
  while (state_->begun < count) {
    const size_t until = std::min(count, state_->begun + kConnectsAtOnce);
    const size_t from = state_->begun;
    for (; state_->begun < until; ++state_->begun) state_->start(state_->children[state_->begun]->live());
    state_->run_until("the parent welcomes the children", [&] {
      for (size_t child = from; child < until; ++child)
        if (!state_->children[child]->is_connected()) return false;
      return true;
    });
  }
}

Percentiles LightChildren::push(size_t count, double transactions_per_second, double seconds) {
  const auto duration = [](double value) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
  };
  const auto pace = duration(1 / transactions_per_second);
  const auto began = Clock::now();
  for (size_t child = 0; child < count; ++child) {
    const auto first = began + pace * static_cast<int64_t>(child) / static_cast<int64_t>(count);
    state_->start(state_->children[child]->push_until(first, pace, began + duration(seconds), state_->pushed));
  }
  state_->run_for(duration(seconds));
  state_->run_until("everything is acknowledged", [&] {
    for (size_t child = 0; child < count; ++child)
      if (state_->children[child]->is_waiting()) return false;
    return true;
  });
  std::vector<double> all;
  for (const auto& child : state_->children)
    for (const double milliseconds : child->take_milliseconds()) all.push_back(milliseconds);
  return percentiles(std::move(all));
}

void LightChildren::stay(double seconds) {
  state_->run_for(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
}

const std::multiset<std::string>& LightChildren::pushed() const {
  return state_->pushed;
}

const char* LightChildren::documents_query() {
  return "SELECT concat_ws('|', id, district, title, body, status, amount, tags,"
         " to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS+00')) FROM document";
}

}  // namespace tributary::test
